"""The losses of the distillation."""
