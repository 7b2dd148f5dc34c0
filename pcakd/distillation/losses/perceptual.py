"""Perceptual losses of stylized images: Gram matrices, SSIM, edges, and distances of features.

Source: Gatys, Ecker and Bethge, CVPR 2016 (Gram matrices); Wang et al., 2004 (SSIM); Zhang et al.,
CVPR 2018 (distance of unit feature vectors). Each resembles a metric of `bench.quality`, but is
differentiable and uses another network: training does not optimise for the networks of the metrics.
A student's card lists the metrics that a loss resembles.
"""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

_WINDOW = 7
_C1, _C2 = 0.01**2, 0.03**2  # for values in [0, 1]
_TINY = 1e-6


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
    one, other = one.contiguous(), other.contiguous()
    unbiased = _WINDOW**2 / (_WINDOW**2 - 1)
    mean_one, mean_other = _smooth(one), _smooth(other)
    spread = unbiased * (
        _smooth(one.square() + other.square()) - mean_one.square() - mean_other.square()
    )
    common = unbiased * (_smooth(one * other) - mean_one * mean_other)
    index = (2 * mean_one * mean_other + _C1) * (2 * common + _C2)
    index = index / ((mean_one.square() + mean_other.square() + _C1) * (spread + _C2))
    return index.mean()


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
