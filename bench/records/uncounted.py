"""Names of work that no operator shows: counts name it, tables say that it is not counted."""

from typing import Literal, TypeAlias

NamedWork: TypeAlias = Literal["match_histograms", "regrain"]
"""NumPy's, and that of a pyramid; `bench.profiling.uncounted.name_in_traces` gives it its name."""
