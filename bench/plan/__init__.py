"""What a run measures: `benchmarks.toml`, cases and predicted costs; imports no torch."""
