"""Running the cases of a plan, one module for each kind of measurement; imports no torch."""
