"""Report: the time breakdown by section of the work, and speed-ups by thinner networks."""
