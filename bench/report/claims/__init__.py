"""Report: the paper's claims."""
