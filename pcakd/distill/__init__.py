"""Distillation of students from teachers, block pair by block pair."""
