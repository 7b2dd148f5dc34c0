"""The files of a training run: checkpoint, log, card, lock."""
