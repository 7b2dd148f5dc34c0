"""Style losses: how far features of a stylized image are from the style's.

All but the first are bounded: each divides a distance d(P, Q) by d(P, 0) + d(Q, 0), which it cannot
exceed by the triangle inequality, so that too little texture is as far from the style as too much.

Source: Gatys, Ecker and Bethge, CVPR 2016 (Gram matrices); Huang and Belongie, ICCV 2017 (means and
standard deviations); Dowson and Landau, 1982 (Wasserstein distance of Gaussians); Heitz et al.,
CVPR 2021 (sliced Wasserstein). Departures: the divisors, and fixed directions of slices.
Gram distances resemble metrics of `bench.quality`, but are differentiable and use another network:
training does not optimise for the networks of the metrics. A student's card lists the metrics that
a loss resembles.
"""

from collections.abc import Callable, Sequence
from functools import cache, partial

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from pcakd.linalg import matrix_power, measure_batch

_TINY = 1e-6
_LEAST_SQUARE = 1e-12
_NUM_SLICES = 32
_LARGE_TRACE = 1e6


def gram_matrix(features: Float[Tensor, "b c h w"]) -> Float[Tensor, "b c c"]:
    """Return F Fᵀ / (C · H · W) of each image, uncentred, in float32."""
    channels, height, width = features.shape[1:]
    pixels = features.permute(0, 2, 3, 1).flatten(1, 2)  # no copy of a channels-last map
    return torch.bmm(pixels.mT, pixels).float() / (channels * height * width)


def style_distance(
    features: Sequence[Float[Tensor, "b c h w"]], style: Sequence[Float[Tensor, "b c c"]]
) -> Float[Tensor, ""]:
    """Return the mean over images and taps of ‖G - T‖ / ‖T‖, where T is the style's Gram matrix."""
    norm = torch.linalg.matrix_norm
    ratios = [
        (norm(gram_matrix(tap) - goal) / norm(goal).clamp_min(_TINY)).mean()
        for tap, goal in zip(features, style, strict=True)
    ]
    return torch.stack(ratios).mean()


def bounded_style_distance(
    features: Sequence[Float[Tensor, "b c h w"]], style: Sequence[Float[Tensor, "b c c"]]
) -> Float[Tensor, ""]:
    """Return the mean over images and taps of ‖G - T‖ / (‖G‖ + ‖T‖), in [0, 1].

    ``style_distance`` punishes too much texture and not too little, so its minimiser is timid: an
    image without any has the distance 1. Here it has the largest one, as has one with far too much.
    """
    norm = torch.linalg.matrix_norm
    ratios = []
    for tap, goal in zip(features, style, strict=True):
        gram = gram_matrix(tap)
        ratios.append((norm(gram - goal) / (norm(gram) + norm(goal)).clamp_min(_TINY)).mean())
    return torch.stack(ratios).mean()


def moment_distance(
    features: Sequence[Float[Tensor, "b c h w"]], style: Sequence[Float[Tensor, "b c h2 w2"]]
) -> Float[Tensor, ""]:
    """Return the mean over images and taps of the bounded distance of means and deviations.

    It is ‖m - n‖ / (‖m‖ + ‖n‖) in [0, 1], where m and n hold the mean and the standard deviation of
    each channel.
    """
    return _average(_moments_apart, features, style)


def _moments_apart(one: Tensor, other: Tensor) -> Tensor:
    m, n = (torch.cat(_measure(each), dim=1) for each in (one, other))
    norm = partial(torch.linalg.vector_norm, dim=1)
    distance: Tensor = norm(m - n) / (norm(m) + norm(n)).clamp_min(_TINY)
    return distance


def _measure(features: Float[Tensor, "b c h w"]) -> tuple[Tensor, Tensor]:
    """Return mean and standard deviation of each channel, in float32."""
    variance, mean = torch.var_mean(features.float(), dim=(2, 3), correction=0)
    least = _TINY * variance.mean(dim=1, keepdim=True).detach() + _LEAST_SQUARE
    return mean, (variance + least).sqrt()


def gaussian_distance(
    features: Sequence[Float[Tensor, "b c h w"]], style: Sequence[Float[Tensor, "b c h2 w2"]]
) -> Float[Tensor, ""]:
    """Return the mean over images and taps of the bounded Wasserstein distance of Gaussians.

    W² = ‖μ - ν‖² + tr(P + Q - 2 (Q^½ P Q^½)^½) for Gaussians with the moments of the features
    (Bures-Wasserstein). W is divided by the sum of the root mean squares, the distances from 0.
    """
    return _average(_gaussians_apart, features, style)


def _gaussians_apart(one: Tensor, other: Tensor) -> Tensor:
    first, second = measure_batch(one), measure_batch(other)
    traces = [_trace(each.covariance) for each in (first, second)]
    # roots drop eigenvalues below a floor that is not relative to the features
    unit = ((traces[0] + traces[1]).detach() / _LARGE_TRACE).clamp_min(_TINY / _LARGE_TRACE)[
        :, None, None
    ]
    root = matrix_power(second.covariance / unit, 0.5)
    common = unit[:, 0, 0] * _trace(matrix_power(root @ (first.covariance / unit) @ root, 0.5))
    squares = [each.mean.square().sum(dim=1) for each in (first, second)]
    shift = (first.mean - second.mean).square().sum(dim=1)
    distance = _root(shift + traces[0] + traces[1] - 2.0 * common)
    scale = sum(_root(square + trace) for square, trace in zip(squares, traces, strict=True))
    return (distance / scale).float()


def _trace(matrices: Float[Tensor, "b c c"]) -> Float[Tensor, " b"]:
    return matrices.diagonal(dim1=1, dim2=2).sum(dim=1)


def _root(square: Tensor) -> Tensor:
    """Return a root with a bounded gradient at 0, where rounding leaves negative squares too."""
    return square.clamp_min(_LEAST_SQUARE).sqrt()


def sliced_distance(
    features: Sequence[Float[Tensor, "b c h w"]], style: Sequence[Float[Tensor, "b c h w"]]
) -> Float[Tensor, ""]:
    """Return the mean over images and taps of the bounded sliced Wasserstein distance.

    Pixels of both sides, equally many, are projected on 32 random directions, the same at each
    call, and sorted: W is the root mean square of the differences. It is divided by the sum of the
    root mean squares of both.
    """
    return _average(_slices_apart, features, style)


def _slices_apart(one: Tensor, other: Tensor) -> Tensor:
    first, second = (_slice(each) for each in (one, other))
    distance, *scales = (
        _root(each.square().mean(dim=(1, 2))) for each in (first - second, first, second)
    )
    return distance / (scales[0] + scales[1])


def _slice(features: Float[Tensor, "b c h w"]) -> Float[Tensor, "b d n"]:
    """Return sorted projections on each direction, in float32."""
    directions = _directions(features.shape[1]).to(features.device)
    return (directions @ features.float().flatten(2)).sort(dim=2).values


@cache
def _directions(channels: int) -> Float[Tensor, "d c"]:
    generator = torch.Generator().manual_seed(channels)
    with torch.inference_mode(False):  # later calls may need gradients
        return F.normalize(torch.randn(_NUM_SLICES, channels, generator=generator), dim=1)


def _average(
    distance: Callable[[Tensor, Tensor], Tensor],
    features: Sequence[Tensor],
    style: Sequence[Tensor],
) -> Float[Tensor, ""]:
    """Return the mean of a distance over taps and images."""
    pairs = zip(features, style, strict=True)
    return torch.stack([distance(one, other).mean() for one, other in pairs]).mean()
