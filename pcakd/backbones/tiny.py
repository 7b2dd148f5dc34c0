"""A small teacher with random weights and the form of a VGG, for tests without downloads."""

import torch
from torch import nn

from pcakd.backbones.interface import Backbone, PaddedConv, ScaleInput

TAPS = ("relu1", "relu2", "relu3", "relu4")
WIDTHS = (8, 12, 16, 20)
STRIDES = (1, 2, 4, 8)


def create_tiny(seed: int = 0) -> Backbone:
    """Build four convolutions with He-initialised weights; ``seed`` decides them."""
    generator = torch.Generator().manual_seed(seed)
    blocks = []
    width = 3
    for channels in WIDTHS:
        weight = torch.randn(channels, width, 3, 3, generator=generator)
        weight *= (2.0 / (9 * width)) ** 0.5
        conv = PaddedConv(weight, torch.randn(channels, generator=generator) * 0.1)
        blocks.append(nn.Sequential(conv) if width == 3 else nn.Sequential(nn.MaxPool2d(2), conv))
        width = channels
    blocks[0].insert(0, ScaleInput((0.5, 0.5, 0.5), (0.25, 0.25, 0.25)))
    return Backbone(name="tiny", taps=TAPS, widths=WIDTHS, strides=STRIDES, blocks=blocks)
