"""Sweeps: many students are distilled from one plan, scored, profiled and compared."""
