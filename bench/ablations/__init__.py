"""Ablation studies of the distillation: each training changes one setting of a base."""
