"""CAP-VSTNet: a reversible residual network whose features are whitened and coloured by Cholesky.

Source: Wen, Gao and Zou, "CAP-VSTNet: Content Affinity Preserved Versatile Style Transfer", CVPR
2023, in its photorealistic configuration. Taken from there: the image, padded with zero channels,
is divided into two streams of 16 channels; 30 reversible residual blocks, ten each of 16, 64 and
256 channels a stream, halve the maps twice; channel refinement (two more blocks, then pixels for
channels) gives 32 channels at full resolution; there, whitening and colouring with Cholesky
factors; the same blocks in reverse. 4,089,936 parameters.

Departures: only the 32 × 32 factors are float64, where the released code converts whole maps, so
latency and memory here are less; covariances divide by the number of pixels N, not N - 1; what is
added to a covariance that has no Cholesky factor rises by equal steps; images are padded by
reflection to a multiple of 4 where the released code resizes, to at most 1,280 pixels a side by
default; no segmentation maps. The weights are seeded, for cost only: the published training of the
image model has 160,000 steps, each of five passes of the network over two pairs of 256-pixel crops,
and VGG-19 on content, style and result.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import torch
from jaxtyping import Float
from torch import Tensor, nn

from bench.peers.stages import CentredConv
from pcakd.blocks import Block, BlockStack, Conv, Features, RunBlock, run_plain
from pcakd.blocks.padding import layout_of
from pcakd.coarse_to_fine import prepare_image
from pcakd.errors import NumericalError
from pcakd.linalg import Statistics, measure_statistics
from pcakd.tiling import map_bands, run_tiled
from pcakd.transforms import AffineMap, apply_affine
from pcakd.utils.sections import section
from pcakd.utils.threads import call_in_thread, map_in_threads

_IMAGE_CHANNELS = 3
_STRIDE = 4
_NARROWING = 4  # channels of a block over those of its inner convolutions
_OFFSETS = ((0, 0), (0, 1), (1, 0), (1, 1))
_JITTER = 2e-5  # the released code's, added until a covariance has a Cholesky factor
_MAX_JITTERS = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class _Residual:
    """A reversible block: channels of each stream after it, and by how much it halves the maps."""

    channels: int
    stride: int = 1

    def stages(self) -> Block:
        """Return the convolutions of its residual function."""
        inner = self.channels // _NARROWING
        first = (
            Conv(in_channels=self.channels, out_channels=inner)
            if self.stride == 1
            else CentredConv(in_channels=inner, out_channels=inner, stride=2)
        )
        return (
            first,
            Conv(in_channels=inner, out_channels=inner),
            Conv(in_channels=inner, out_channels=self.channels, relu=False, signed=True),
        )


_RESIDUALS = (
    *[_Residual(channels=16)] * 10,
    *[_Residual(channels=64, stride=2), *[_Residual(channels=64)] * 9],
    *[_Residual(channels=256, stride=2), *[_Residual(channels=256)] * 9],
    *[_Residual(channels=256)] * 2,  # channel refinement
)


class CapVstNet(nn.Module):
    """The network; encoder and decoder have the same weights.

    Args:
        residuals: The blocks.
    """

    def __init__(self, residuals: Sequence[_Residual] = _RESIDUALS) -> None:
        super().__init__()
        self._residuals = tuple(residuals)
        self.stack = BlockStack([each.stages() for each in residuals])
        for module in self.stack.modules():
            if isinstance(module, nn.Conv2d) and module.bias is not None:
                nn.init.zeros_(module.bias)

    @torch.inference_mode()
    def stylize(
        self,
        content: Float[Tensor, "3 h w"],
        style: Float[Tensor, "3 h2 w2"],
        *,
        tiled: bool = True,
    ) -> Float[Tensor, "3 h w"]:
        """Give a photograph the style of another one.

        Args:
            content: RGB in [0, 1], at least 16 × 16.
            style: The same, of any other size.
            tiled: Run residual functions in tiles; otherwise on whole maps.

        Returns:
            RGB in [0, 1], of the size of ``content``.

        Raises:
            NumericalError: The features have no finite covariance.
        """
        run_block = run_tiled if tiled else run_plain
        target = measure_statistics(self._encode("style", style, run_block)[0])
        maps = [self._encode("content", content, run_block)]
        fit = partial(fit_cholesky, measure_statistics(maps[0][0]), target)
        affine = call_in_thread(fit)
        with section("transform"):
            map_bands(lambda band: band.copy_(apply_affine(band, affine)), maps[0])
        height, width = content.shape[-2:]
        with section("decode"):
            return self.decode(maps.pop(), run=run_block)[0, :, :height, :width].clamp(0.0, 1.0)

    def _encode(self, name: str, image: Float[Tensor, "3 h w"], run: RunBlock) -> Features:
        with section("encode"):
            return self.encode(prepare_image(name, image, _STRIDE), run=run)

    def encode(self, image: Float[Tensor, "1 3 h w"], *, run: RunBlock = run_plain) -> Features:
        """Map an image, its sizes multiples of 4, to 32 channels at full resolution."""
        shape = (image.shape[0], self._residuals[0].channels, *image.shape[-2:])
        first, second = _empty(shape, image), _empty(shape, image)
        map_bands(_fill, first, second, image)
        for block, residual in enumerate(self._residuals, start=1):
            change = run(self.stack, block, second)
            if residual.stride == 2:
                first, second = squeeze(first), squeeze(second)
            map_bands(torch.Tensor.add_, change, first)
            first, second = second, change
        joined = unsqueeze(first, second)
        del first, second, change
        return unsqueeze(joined)

    def decode(self, features: Features, *, run: RunBlock = run_plain) -> Float[Tensor, "1 3 h w"]:
        """Invert `encode`; the result is not clipped."""
        features = squeeze(features)
        features = squeeze(features)
        first, second = features.chunk(2, dim=1)
        del features
        blocks = list(enumerate(self._residuals, start=1))
        for block, residual in reversed(blocks):
            source = unsqueeze(first) if residual.stride == 2 else first
            change = run(self.stack, block, source)
            map_bands(_subtract_from, change, second)
            first, second = unsqueeze(change) if residual.stride == 2 else change, source
        return first[:, :_IMAGE_CHANNELS]


def _fill(first: Features, second: Features, image: Features) -> None:
    """Fill both streams: the image and zeros, and zeros alone."""
    first.zero_()
    second.zero_()
    first[:, :_IMAGE_CHANNELS] = image


def _subtract_from(change: Features, whole: Features) -> None:
    """Replace a change by what is left without it."""
    torch.sub(whole, change, out=change)


def squeeze(features: Features) -> Features:
    """Move each 2 × 2 window of pixels into channels: ``(b, c, h, w)`` to ``(b, 4c, h/2, w/2)``.

    The offset in the window counts the channels slowest, as in the released code; in
    ``torch.nn.functional.pixel_unshuffle`` it counts fastest.
    """
    batch, channels, height, width = features.shape
    result = _empty((batch, 4 * channels, height // 2, width // 2), features)

    def copy(item: tuple[Tensor, tuple[int, int]]) -> None:
        place, (row, column) = item
        place.copy_(features[..., row::2, column::2])

    map_in_threads(copy, list(zip(result.chunk(4, dim=1), _OFFSETS, strict=True)))
    return result


def unsqueeze(*streams: Features) -> Features:
    """Invert `squeeze` for the channels of one map, or of two after each other."""
    batch, channels, height, width = streams[0].shape
    parts = [part for each in streams for part in each.chunk(4 // len(streams), dim=1)]
    shape = (batch, channels * len(streams) // 4, 2 * height, 2 * width)
    result = _empty(shape, streams[0])

    def copy(item: tuple[Tensor, tuple[int, int]]) -> None:
        part, (row, column) = item
        result[..., row::2, column::2] = part

    map_in_threads(copy, list(zip(parts, _OFFSETS, strict=True)))
    return result


def _empty(shape: tuple[int, ...], like: Features) -> Features:
    return torch.empty(shape, dtype=like.dtype, device=like.device, memory_format=layout_of(like))


def fit_cholesky(content: Statistics, style: Statistics) -> AffineMap:
    """Compute the map that whitens and colours by Cholesky factors: A = L_s L_c^-1.

    The CPU computes it, in float64.

    Args:
        content: Moments of the content features.
        style: Moments of the style features.

    Raises:
        NumericalError: A covariance is not finite.
    """
    with section("transform"):
        own, wanted = (_factor(each.covariance.cpu().double()) for each in (content, style))
        matrix = torch.linalg.solve_triangular(own, wanted, upper=False, left=False)
        matrix = matrix.to(style.mean)
        return AffineMap(matrix=matrix, offset=style.mean - matrix @ content.mean)


def _factor(covariance: Float[Tensor, "c c"]) -> Float[Tensor, "c c"]:
    """Return a Cholesky factor, with as little added to the diagonal as gives one."""
    if not bool(covariance.isfinite().all()):
        raise NumericalError("a covariance of features is not finite; use a wider precision")
    eye = torch.eye(covariance.shape[0], dtype=covariance.dtype, device=covariance.device)
    for count in range(_MAX_JITTERS):
        found = torch.linalg.cholesky_ex(covariance + count * _JITTER * eye)
        factor: Tensor = found.L
        if not int(found.info):
            return factor
    raise NumericalError("a covariance of features has no Cholesky factor; use a wider precision")
