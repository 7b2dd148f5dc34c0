"""Distillation of students from teachers: encoder, decoders, and the stylization itself."""
