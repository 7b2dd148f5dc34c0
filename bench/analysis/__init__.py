"""Statistics of records: intervals, ratios, the Pareto front, Amdahl's law. No torch."""
