"""Levers of the distillation: what each is worth when it is moved alone, from one base."""
