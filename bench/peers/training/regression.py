"""Convolutions fitted in closed form, as the start of a decoder that mirrors its encoder.

Each layer of such a decoder has a target: a feature map of the encoder. So each layer can be fitted
by ridge regression of its target on the patches of its input, without the ReLU. Deeper blocks need
more training after that.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from pcakd.blocks import ConvLayer
from pcakd.blocks.padding import pad_reflect

_RIDGE = 1e-4  # share of the mean variance of a patch's entries
_MOST_PATCHES = 512  # patches per image, drawn at random


@dataclass(frozen=True, slots=True, kw_only=True)
class PatchMoments:
    """Mean and covariance of a convolution's input patches, in float64."""

    mean: Float[Tensor, " d"]
    covariance: Float[Tensor, "d d"]


@torch.no_grad()
def fit_layer(
    layer: ConvLayer, pairs: Iterable[tuple[Tensor, Tensor]], *, seed: int = 0
) -> PatchMoments:
    """Set the weights of a convolution of stride 1 to the ridge regression of targets on inputs.

    Args:
        layer: A full (not depthwise) convolution without norms.
        pairs: Inputs ``(b, in, h, w)`` and targets ``(b, out, h, w)``, batch by batch.
        seed: Seed of the choice of patches.

    Returns:
        The moments of the input patches.

    Raises:
        ValueError: The convolution is depthwise or has a stride, or there are no pairs.
    """
    conv = layer.conv
    if conv.groups > 1 or conv.stride != (1, 1):
        raise ValueError("only full convolutions of stride 1 can be fitted")
    generator = torch.Generator().manual_seed(seed)
    count = 0
    sums: tuple[Tensor, ...] = ()
    for features, target in pairs:
        inputs, outputs = _patches(layer, features, target, generator)
        moments = (
            to_float64(inputs.sum(dim=1)),
            to_float64(outputs.sum(dim=1)),
            to_float64(inputs @ inputs.T),
            to_float64(inputs @ outputs.T),
        )
        if not sums:
            sums = moments
        else:
            for total, part in zip(sums, moments, strict=True):
                total.add_(part)
        count += inputs.shape[1]
    if not sums:
        raise ValueError("no pairs to fit a convolution to")
    mean, goal = sums[0] / count, sums[1] / count
    covariance = sums[2] / count - torch.outer(mean, mean)
    cross = sums[3] / count - torch.outer(mean, goal)
    ridged = covariance.clone()
    ridged.diagonal().add_(_RIDGE * ridged.diagonal().mean() + 1e-12)
    weights = torch.linalg.solve(ridged, cross, left=True).T
    conv.weight.copy_(weights.reshape(conv.weight.shape))
    assert conv.bias is not None  # noqa: S101 (built with one)
    conv.bias.copy_(goal - weights @ mean)
    return PatchMoments(mean=mean, covariance=covariance)


def to_float64(tensor: Tensor) -> Tensor:
    """Return a tensor in float64, on the CPU if its device has none."""
    return (tensor.cpu() if tensor.device.type == "mps" else tensor).double()


def _patches(
    layer: ConvLayer, features: Tensor, target: Tensor, generator: torch.Generator
) -> tuple[Tensor, Tensor]:
    """Return patches ``(in · k · k, n)`` and their targets ``(out, n)``."""
    before, after = layer.padding
    size = layer.conv.kernel_size
    columns, rows = [], []
    for one, goal in zip(features, target, strict=True):
        padded = pad_reflect(one[None], before=before, after=after)
        places = torch.randperm(goal[0].numel(), generator=generator)[:_MOST_PATCHES]
        places = places.to(features.device)
        # windows are views; only the chosen ones are copied
        windows = padded[0].unfold(1, size[0], 1).unfold(2, size[1], 1)
        width = goal.shape[-1]
        chosen = windows[:, places // width, places % width]  # in, n, k, k
        columns.append(chosen.permute(0, 2, 3, 1).flatten(0, 2))
        rows.append(goal.flatten(1)[:, places])
    return torch.cat(columns, dim=1).float(), torch.cat(rows, dim=1).float()
