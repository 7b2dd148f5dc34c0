"""The networks that PCA-KD is compared with, and the training of their decoders."""
