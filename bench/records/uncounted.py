"""Names of uncounted operators: traces show them as one call, and tables list them as uncounted."""

from typing import Literal, TypeAlias

UncountedOperator: TypeAlias = Literal["match_histograms", "regrain", "quantized_stages"]
"""Histogram matching by NumPy, the regrain pyramid and stages in ONNX Runtime, as
`bench.profiling.uncounted` names them."""
