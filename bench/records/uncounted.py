"""Names of uncounted operators: traces show them as one call, and tables list them as uncounted."""

from typing import Literal, TypeAlias

UncountedOperator: TypeAlias = Literal[
    "match_histograms", "regrain", "quantized_stages", "solve_matting"
]
"""Histogram matching by NumPy, the regrain pyramid, stages in ONNX Runtime and linear systems of
matting by SciPy, as `bench.profiling.uncounted` names them."""
