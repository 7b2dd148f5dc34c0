"""Images for colour transfers."""

import torch
from torch import Tensor


def correlated_image(seed: int, height: int = 20, width: int = 24) -> Tensor:
    """Correlated colours well inside the gamut, so that nothing is clipped."""
    generator = torch.Generator().manual_seed(seed)
    mix = torch.eye(3) + 0.3 * torch.rand(3, 3, generator=generator)
    noise = torch.randn(3, height * width, generator=generator).clamp(-2.5, 2.5)
    shift = 0.1 * torch.rand(3, 1, generator=generator)
    return (0.45 + shift + 0.03 * mix @ noise).view(3, height, width)


def spread_image(seed, height=60, width=64):
    """Colours on a bent and spread-out line, with smooth parts and edges, inside the gamut."""
    generator = torch.Generator().manual_seed(seed)
    coarse = torch.rand(1, 3, 6, 6, generator=generator)
    smooth = torch.nn.functional.interpolate(coarse, size=(height, width), mode="bicubic")[0]
    bend = torch.rand(3, 1, 1, generator=generator)
    return (0.15 + 0.7 * (smooth.clamp(0, 1) ** (0.5 + bend))).clamp(0.02, 0.98)
