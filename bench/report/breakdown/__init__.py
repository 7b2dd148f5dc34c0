"""Report: where the time goes."""
