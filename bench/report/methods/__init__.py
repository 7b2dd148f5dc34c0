"""Report: how the figures were obtained."""
