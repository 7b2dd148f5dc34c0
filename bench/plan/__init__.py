"""What a run is to do: `benchmarks.toml`, its cases, and predicted costs; imports no torch."""
