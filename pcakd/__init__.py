"""PCA-based knowledge distillation of photorealistic style transfer.

Source: Chiu and Gurari, "PCA-Based Knowledge Distillation Towards Lightweight and Content-Style
Balanced Photorealistic Style Transfer Models", CVPR 2022, arXiv 2203.13452.
"""

__version__ = "0.1.0"
