"""Report: the claims of the paper."""
