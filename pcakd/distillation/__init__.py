"""Distillation of a student from a teacher network, in three phases.

The phases are: the encoder learns the teacher's features, the autoencoder learns to reconstruct
images, and the whole student learns to stylize.
"""
