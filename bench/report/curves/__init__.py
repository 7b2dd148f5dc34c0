"""Report: trade-off curves of style against content."""
