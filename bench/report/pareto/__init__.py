"""Report: Pareto plots and their labels."""
