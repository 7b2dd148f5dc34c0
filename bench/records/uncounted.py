"""Names of uncounted operators: traces show them as one call, and tables list them as uncounted."""

from typing import Literal, TypeAlias

UncountedOperator: TypeAlias = Literal["match_histograms", "regrain"]
"""Histogram matching by NumPy and the regrain pyramid; `bench.profiling.uncounted` names them."""
