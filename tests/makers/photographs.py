"""The shipped photographs as tensors, made smaller."""

import torch
from torch.nn.functional import interpolate

from bench.quality.pairs import shipped_pairs_folder
from pcakd.images import load_image


def load_photograph(name: str, height: int, width: int) -> torch.Tensor:
    """Return a shipped photograph (``01_content``) of shape (1, 3, height, width) in [0, 1]."""
    image = load_image(shipped_pairs_folder() / f"{name}.jpg")[None]
    return interpolate(image, size=(height, width), mode="area")
