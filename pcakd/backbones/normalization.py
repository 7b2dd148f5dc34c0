"""Gatys' normalisation: scale a VGG so that each channel's mean activation is 1.

Source: Gatys, Ecker and Bethge, "Image Style Transfer Using Convolutional Neural Networks", CVPR
2016, section 2. ReLU and max pooling commute with positive scales, so it is enough to scale at the
taps: the scale of a layer between two taps cancels and changes no tap.
"""

from collections.abc import Iterable, Sequence

import torch
from jaxtyping import Float
from torch import Tensor

from pcakd.backbones.interface import Backbone
from pcakd.backbones.vgg import tap_pairs
from pcakd.errors import ShapeError

_SILENT = 1e-6  # a channel whose mean activation is below this never fires; it keeps its scale


def measure_channel_means(
    backbone: Backbone, images: Iterable[Float[Tensor, "b 3 h w"]]
) -> list[Float[Tensor, " c"]]:
    """Average each channel of each tap over images and pixels.

    Args:
        backbone: The teacher.
        images: Batches in [0, 1], all of one size.

    Returns:
        One float64 CPU vector a tap.

    Raises:
        ShapeError: There was no image.
    """
    totals: list[Tensor] = []
    count = 0
    with torch.inference_mode():
        for batch in images:
            means = [_sum_of_means(tap) for tap in backbone(batch)]
            totals = [t + m for t, m in zip(totals, means, strict=True)] if totals else means
            count += batch.shape[0]
    if count == 0:
        raise ShapeError("no image to measure channel means on")
    return [(total / count).clone() for total in totals]


def _sum_of_means(tap: Float[Tensor, "b c h w"]) -> Float[Tensor, " c"]:
    return tap.float().mean(dim=(2, 3)).cpu().double().sum(dim=0)


@torch.no_grad()
def normalize_activations(backbone: Backbone, channel_means: Sequence[Float[Tensor, " c"]]) -> None:
    """Divide each tap's channels by their means, and make the next block undo it, in place.

    Args:
        backbone: A VGG.
        channel_means: What :func:`measure_channel_means` found, one vector a tap.
    """
    for (end, start), means in zip(tap_pairs(backbone), channel_means, strict=True):
        scale = torch.where(means > _SILENT, means, 1.0).to(end.weight)
        end.weight.div_(scale[:, None, None, None])
        end.bias.div_(scale)
        if start is not None:
            start.weight.mul_(scale[None, :, None, None])
