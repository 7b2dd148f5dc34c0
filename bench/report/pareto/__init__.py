"""Report: Pareto plots of style, content and latency."""
