"""The claims of the paper (PCA-KD, Chiu and Gurari, CVPR 2022) against records; no torch."""
