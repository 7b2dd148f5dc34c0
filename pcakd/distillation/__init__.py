"""Distillation of students from teachers: encoder, autoencoder, and the stylization itself."""
