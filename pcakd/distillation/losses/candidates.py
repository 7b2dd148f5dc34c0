"""Candidate losses of the stylization phase, to be measured as ablations. All are differentiable.

Style: means and deviations of features (Huang and Belongie, ICCV 2017), the Bures-Wasserstein
distance of their Gaussians (Mroueh, 2019), the sliced Wasserstein distance of features (Heitz et
al., CVPR 2021) and of colours. Content: MS-SSIM, HaarPSI, and self-similarity of features (Kolkin
et al., CVPR 2019). Distances of style are bounded: ‖a - b‖ / (‖a‖ + ‖b‖).
"""

from collections.abc import Sequence

import piq
import torch
import torch.nn.functional as F
from torch import Tensor

from pcakd.distillation.losses.perceptual import unit_vectors
from pcakd.linalg import matrix_power, measure_batch

_TINY = 1e-6
_DIRECTIONS = 16
_BURES_TAPS = 3  # roots of 512 × 512 matrices would take most of a step
_GRID = 24
_FIRST_COMPARED = 2  # self-similarity is that of the last two taps


def moments(features: Tensor) -> Tensor:
    """Return means and deviations of each channel, ``(b, 2 c)``."""
    wide = features.float().flatten(2)
    return torch.cat((wide.mean(dim=2), (wide.var(dim=2) + _TINY).sqrt()), dim=1)


def moments_distance(features: Sequence[Tensor], style: Sequence[Tensor]) -> Tensor:
    """Return the bounded distance of means and deviations, averaged over images and taps."""
    pairs = zip(features, style, strict=True)
    return torch.stack([_bounded(moments(tap), goal) for tap, goal in pairs]).mean()


def bures_distance(features: Sequence[Tensor], style: Sequence[Tensor]) -> Tensor:
    """Return the Bures-Wasserstein distance of Gaussians over the sum of their sizes."""
    ratios = []
    for tap, goal in zip(features[:_BURES_TAPS], style[:_BURES_TAPS], strict=True):
        one, other = measure_batch(tap.float()), measure_batch(goal.float())
        root = matrix_power(other.covariance, 0.5)
        middle = matrix_power(root @ one.covariance @ root, 0.5)
        sizes = [_trace(each.covariance) for each in (one, other)]
        squared = sum(sizes) - 2.0 * _trace(middle)
        squared = squared + (one.mean - other.mean).square().sum(dim=-1)
        lengths = [
            (size + each.mean.square().sum(dim=-1)).sqrt()
            for size, each in zip(sizes, (one, other), strict=True)
        ]
        ratio = (squared.clamp_min(0.0) + _TINY).sqrt() / sum(lengths)
        ratios.append(ratio.mean().float())
    return torch.stack(ratios).mean()


def sliced_distance(features: Sequence[Tensor], style: Sequence[Tensor]) -> Tensor:
    """Return the bounded sliced Wasserstein-2 distance, averaged over images and taps."""
    pairs = zip(features, style, strict=True)
    return torch.stack([_bounded(_slices(tap), _slices(goal)) for tap, goal in pairs]).mean()


def sliced_colour_distance(images: Tensor, style: Tensor) -> Tensor:
    """Return the sliced Wasserstein-1 distance of colours, in [0, 1]."""
    return (_slices(images) - _slices(style)).abs().mean()


def multi_scale_dissimilarity(one: Tensor, other: Tensor) -> Tensor:
    """Return 1 - MS-SSIM."""
    return 1.0 - piq.multi_scale_ssim(one.contiguous(), other.contiguous(), data_range=1.0)


def haar_dissimilarity(one: Tensor, other: Tensor) -> Tensor:
    """Return 1 - HaarPSI."""
    return 1.0 - piq.haarpsi(one.contiguous(), other.contiguous(), data_range=1.0)


def similarities(features: Sequence[Tensor]) -> list[Tensor]:
    """Return the cosine of each two places of a 24 × 24 grid, at the last two taps."""
    found = []
    for tap in features[_FIRST_COMPARED:]:
        units = unit_vectors(F.adaptive_avg_pool2d(tap.float(), _GRID)).flatten(2)
        found.append(units.mT @ units)
    return found


def correlation_distance(features: Sequence[Tensor], content: Sequence[Tensor]) -> Tensor:
    """Return the mean difference of self-similarities."""
    pairs = zip(similarities(features), content, strict=True)
    return torch.stack([(own - goal).abs().mean() for own, goal in pairs]).mean()


def _bounded(one: Tensor, other: Tensor) -> Tensor:
    one, other = one.flatten(1), other.flatten(1)
    sizes = one.norm(dim=1) + other.norm(dim=1)
    return ((one - other).norm(dim=1) / sizes.clamp_min(_TINY)).mean()


def _slices(features: Tensor) -> Tensor:
    """Return sorted projections on fixed directions, ``(b, n, directions)``."""
    channels = features.shape[1]
    generator = torch.Generator().manual_seed(channels)
    directions = F.normalize(torch.randn(channels, _DIRECTIONS, generator=generator), dim=0)
    pixels = features.float().permute(0, 2, 3, 1).flatten(1, 2)
    return (pixels @ directions.to(pixels)).sort(dim=1).values


def _trace(matrix: Tensor) -> Tensor:
    return matrix.diagonal(dim1=-2, dim2=-1).sum(dim=-1)
