"""Content losses: how far a stylized image is from its content in structure, edges and features.

Source: Wang et al., 2004 (SSIM) and 2003 (MS-SSIM); Zhang et al., CVPR 2018 (distance of unit
feature vectors); Kolkin, Salavon and Shakhnarovich, CVPR 2019 (self-similarity of features). Most
resemble a metric of `bench.quality`, but are differentiable; a student's card lists these metrics.
"""

import math
from collections.abc import Sequence

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

_WINDOW = 7
_C1, _C2 = 0.01**2, 0.03**2  # for values in [0, 1]
_TINY = 1e-6
_EXPONENTS = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)
_LEAST_INDEX = 1e-3  # below, the gradient of a small power would grow without bound
_GRID = 24
_LEAST_MEAN = 1e-2  # cosine distances in a flat image are rounding errors


def gradient_magnitude(image: Float[Tensor, "b 3 h w"]) -> Float[Tensor, "b 1 h w"]:
    """Return the length of Sobel's gradient of the mean of the colours, two pixels smaller.

    It is 1 at a vertical or horizontal step from black to white.
    """
    kernel = torch.tensor([[1.0, 0.0, -1.0], [2.0, 0.0, -2.0], [1.0, 0.0, -1.0]]) / 4.0
    kernels = torch.stack((kernel, kernel.T))[:, None].to(image)
    gradients = F.conv2d(image.mean(dim=1, keepdim=True), kernels)
    return (gradients.square().sum(dim=1, keepdim=True) + _TINY).sqrt()


def structural_similarity(
    one: Float[Tensor, "b c h w"], other: Float[Tensor, "b c h w"]
) -> Float[Tensor, ""]:
    """Return the mean SSIM of maps in [0, 1], by 7 × 7 uniform windows on each channel."""
    luminance, contrast = _compare_windows(one.contiguous(), other.contiguous())
    index = luminance[0] * contrast[0]
    index = index / (luminance[1] * contrast[1])
    return index.mean()


def multiscale_similarity(
    one: Float[Tensor, "b c h w"], other: Float[Tensor, "b c h w"]
) -> Float[Tensor, ""]:
    """Return the mean MS-SSIM of maps in [0, 1], over at most five scales.

    Departures from Wang, Simoncelli and Bovik, 2003: 7 × 7 uniform windows; images with fewer than
    112 pixels a side have fewer scales, whose exponents are rescaled to a sum of 1; means
    below 0.001, also negative ones, count as 0.001.
    """
    one, other = one.contiguous(), other.contiguous()
    most = int(math.log2(min(one.shape[-2:]) // _WINDOW)) + 1
    exponents = _EXPONENTS[:most]
    result = torch.ones((), dtype=one.dtype, device=one.device)
    for scale, exponent in enumerate(exponents, start=1):
        luminance, contrast = _compare_windows(one, other)
        index = contrast[0] / contrast[1]
        if scale == len(exponents):
            index = index * (luminance[0] / luminance[1])
        means = index.mean(dim=(1, 2, 3)).clamp_min(_LEAST_INDEX)
        result = result * means ** (exponent / sum(exponents))
        one, other = (F.avg_pool2d(each, 2) for each in (one, other))
    return result.mean()


def _compare_windows(
    one: Float[Tensor, "b c h w"], other: Float[Tensor, "b c h w"]
) -> tuple[tuple[Tensor, Tensor], tuple[Tensor, Tensor]]:
    """Return numerator and denominator of luminance, and of contrast with structure."""
    unbiased = _WINDOW**2 / (_WINDOW**2 - 1)
    mean_one, mean_other = _smooth(one), _smooth(other)
    spread = unbiased * (
        _smooth(one.square() + other.square()) - mean_one.square() - mean_other.square()
    )
    common = unbiased * (_smooth(one * other) - mean_one * mean_other)
    luminance = 2 * mean_one * mean_other + _C1, mean_one.square() + mean_other.square() + _C1
    return luminance, (2 * common + _C2, spread + _C2)


def _smooth(image: Float[Tensor, "b c h w"]) -> Tensor:
    """Return means over 7 × 7 windows."""
    rows = F.avg_pool2d(image, (_WINDOW, 1), stride=1)
    return F.avg_pool2d(rows, (1, _WINDOW), stride=1)


def unit_vectors(features: Float[Tensor, "b c h w"]) -> Float[Tensor, "b c h w"]:
    """Scale each pixel's feature vector to length 1, in float32."""
    wide = features.float()
    return wide * torch.rsqrt(wide.square().sum(dim=1, keepdim=True) + _TINY)


def perceptual_distance(
    features: Sequence[Float[Tensor, "b c h w"]], content: Sequence[Float[Tensor, "b c h w"]]
) -> Float[Tensor, ""]:
    """Return the mean over taps of the squared distance of unit vectors from the content's."""
    distances = [
        (unit_vectors(tap) - goal).square().sum(dim=1).mean()
        for tap, goal in zip(features, content, strict=True)
    ]
    return torch.stack(distances).mean()


def self_similarity_distance(
    features: Sequence[Float[Tensor, "b c h w"]], content: Sequence[Float[Tensor, "b c h w"]]
) -> Float[Tensor, ""]:
    """Return the mean over taps of the difference in how alike places of an image are.

    Each place of a grid of at most 24 × 24 has the cosine distances of its feature vector from
    those of all others, divided by their mean; the difference is absolute and averaged. Colours and
    textures are free to change as long as places that were alike stay so.
    """
    differences = [
        (_distances(one) - _distances(other)).abs().mean()
        for one, other in zip(features, content, strict=True)
    ]
    return torch.stack(differences).mean()


def _distances(features: Float[Tensor, "b c h w"]) -> Float[Tensor, "b n n"]:
    """Return the cosine distances between the places of a grid, as shares of each place's mean."""
    down, right = (math.ceil(side / _GRID) for side in features.shape[-2:])
    units = unit_vectors(features[..., ::down, ::right]).flatten(2)
    distances = (1.0 - units.mT @ units).clamp_min(0.0)
    return distances / distances.mean(dim=1, keepdim=True).clamp_min(_LEAST_MEAN)
