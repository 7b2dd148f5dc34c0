"""Report: one line for each model, and how repeatable its latency is."""
