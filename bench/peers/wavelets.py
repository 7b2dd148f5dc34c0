"""The Haar wavelet: pooling to four bands, and back.

Source: Yoo, Uh, Chun, Kang and Ha, "Photorealistic Style Transfer via Wavelet Transforms", ICCV
2019, section 3.1: kernels LLᵀ, LHᵀ, HLᵀ, HHᵀ of L = [1 1] / √2 and H = [-1 1] / √2.
"""

from collections.abc import Iterator

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

Bands = tuple[Tensor, Tensor, Tensor, Tensor]

# rows: LL, LH, HL, HH; columns: pixels (top, left), (top, right), (bottom, left), (bottom, right)
_HAAR = (
    (0.5, 0.5, 0.5, 0.5),
    (-0.5, 0.5, -0.5, 0.5),
    (-0.5, -0.5, 0.5, 0.5),
    (0.5, -0.5, -0.5, 0.5),
)
NUM_BANDS = len(_HAAR)


class _HaarFilters(nn.Module):
    """Fixed Haar filters as parameters: one 2 × 2 kernel for each band and channel."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        # four dimensions, as the channels-last memory format requires
        kernels = torch.tensor(_HAAR).view(NUM_BANDS, 1, 2, 2).repeat(1, channels, 1, 1)
        self.kernels = nn.Parameter(kernels, requires_grad=False)

    def _each(self) -> Iterator[Float[Tensor, "c 1 2 2"]]:
        """Yield the kernels band by band, one group a channel."""
        return (kernel[:, None] for kernel in self.kernels)


class HaarPool(_HaarFilters):
    """Haar pooling by convolutions: the reference implementation of :func:`haar_pool`."""

    def forward(self, features: Float[Tensor, "b c h w"]) -> Bands:
        """Return the bands LL, LH, HL and HH."""
        groups = features.shape[1]
        ll, lh, hl, hh = (F.conv2d(features, k, stride=2, groups=groups) for k in self._each())
        return ll, lh, hl, hh


class HaarUnpool(_HaarFilters):
    """Haar unpooling by transposed convolutions: the reference of :func:`haar_unpool`."""

    def forward(self, bands: Bands) -> Bands:
        """Return the enlarged parts, whose sum inverts the pooling."""
        ll, lh, hl, hh = (
            F.conv_transpose2d(band, kernel, stride=2, groups=band.shape[1])
            for band, kernel in zip(bands, self._each(), strict=True)
        )
        return ll, lh, hl, hh


def haar_pool(features: Float[Tensor, "b c h w"]) -> Bands:
    """Return the bands LL, LH, HL and HH of a map of even sizes, by sums of its pixels."""
    top, bottom = features[..., 0::2, :], features[..., 1::2, :]
    upper, lower = top[..., 0::2] + top[..., 1::2], bottom[..., 0::2] + bottom[..., 1::2]
    upper_step, lower_step = top[..., 1::2] - top[..., 0::2], bottom[..., 1::2] - bottom[..., 0::2]
    return (
        (upper + lower).mul_(0.5),
        (upper_step + lower_step).mul_(0.5),
        (lower - upper).mul_(0.5),
        (lower_step - upper_step).mul_(0.5),
    )


def haar_unpool(
    low: Float[Tensor, "b c h w"], details: tuple[Tensor, Tensor, Tensor]
) -> Float[Tensor, "b c h2 w2"]:
    """Invert :func:`haar_pool`: return the sum of the four enlarged bands."""
    horizontal, vertical, diagonal = details
    result = _enlarged(low, low.shape[1])
    left, right = low - horizontal, low + horizontal
    across, along = vertical - diagonal, vertical + diagonal
    for row, sign in ((0, -1.0), (1, 1.0)):
        torch.add(left, across, alpha=sign, out=result[..., row::2, 0::2])
        torch.add(right, along, alpha=sign, out=result[..., row::2, 1::2])
    return result.mul_(0.5)


def haar_unpool_bands(
    bands: Bands, original: Float[Tensor, "b c h2 w2"]
) -> Float[Tensor, "b c5 h2 w2"]:
    """Return the four enlarged bands and the map before pooling as ``5 c`` channels."""
    channels = original.shape[1]
    result = _enlarged(bands[0], 5 * channels)
    result[:, 4 * channels :] = original
    for place, (band, kernel) in enumerate(zip(bands, _HAAR, strict=True)):
        part = result[:, place * channels : (place + 1) * channels]
        half = band * 0.5
        opposite = half if place == 0 else -half
        for phase, value in enumerate(kernel):
            part[..., phase // 2 :: 2, phase % 2 :: 2] = half if value > 0 else opposite
    return result


def _enlarged(like: Tensor, channels: int) -> Tensor:
    height, width = like.shape[-2:]
    layout = torch.channels_last if like.stride(1) == 1 else torch.contiguous_format
    return torch.empty(
        (len(like), channels, 2 * height, 2 * width),
        dtype=like.dtype,
        device=like.device,
        memory_format=layout,
    )
