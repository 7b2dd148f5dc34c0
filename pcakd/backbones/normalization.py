"""Gatys' normalisation: scale a VGG so that each channel's mean activation is 1.

Only the taps are scaled. ReLU and max pooling commute with positive scales, so the scale of a layer
between two taps cancels and changes no tap.

Source: Gatys, Ecker and Bethge, "Image Style Transfer Using Convolutional Neural Networks", CVPR
2016, section 2.
"""

from collections.abc import Iterable, Sequence

import torch
from jaxtyping import Float
from torch import Tensor

from pcakd.backbones.interface import Backbone
from pcakd.backbones.vgg import tap_pairs
from pcakd.errors import ShapeError
from pcakd.utils.precision import full_precision

_SILENT = 1e-6  # a channel with a lower mean activation is dead; it keeps its scale


def measure_channel_means(
    backbone: Backbone, images: Iterable[Float[Tensor, "b 3 h w"]]
) -> list[Float[Tensor, " c"]]:
    """Average each channel of each tap over images and pixels.

    Args:
        backbone: The teacher. It computes on its own device, in float32 without TF32.
        images: Batches of RGB images in [0, 1].

    Returns:
        One float64 CPU vector for each tap.

    Raises:
        ShapeError: There is no image.
    """
    device = next(backbone.parameters()).device
    totals: list[Tensor] = []
    count = 0
    with torch.inference_mode(), full_precision():
        for batch in images:
            taps = backbone(batch.to(device, memory_format=torch.channels_last))
            means = [_sum_of_means(tap) for tap in taps]
            totals = [t + m for t, m in zip(totals, means, strict=True)] if totals else means
            count += batch.shape[0]
    if count == 0:
        raise ShapeError("no image was given: channel means need at least one")
    return [(total / count).clone() for total in totals]


def _sum_of_means(tap: Float[Tensor, "b c h w"]) -> Float[Tensor, " c"]:
    return tap.float().mean(dim=(2, 3)).cpu().double().sum(dim=0)


@torch.no_grad()
def normalize_activations(backbone: Backbone, channel_means: Sequence[Float[Tensor, " c"]]) -> None:
    """Divide each tap's channels by their means, in place; the next block multiplies them back.

    Args:
        backbone: A VGG.
        channel_means: The result of `measure_channel_means`, one vector for each tap.
    """
    for (end, start), means in zip(tap_pairs(backbone), channel_means, strict=True):
        scale = torch.where(means > _SILENT, means, 1.0).to(end.weight)
        end.weight.div_(scale[:, None, None, None])
        end.bias.div_(scale)
        if start is not None:
            start.weight.mul_(scale[None, :, None, None])
