"""The regression gate: two versions of the code in turn, and a verdict for each case. No torch."""
