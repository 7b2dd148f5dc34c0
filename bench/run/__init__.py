"""The runner, and one module for each kind of measurement; imports no torch."""
