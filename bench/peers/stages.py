"""The stages that only the peers use: three ways to undo a pooling, and a convolution."""

from dataclasses import dataclass
from typing import TypeAlias

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from bench.peers.wavelets import NUM_BANDS, Bands, HaarUnpool, haar_unpool, haar_unpool_bands
from pcakd.blocks import Conv, Features, ResidualStage, Source, Span, Stage, Tile
from pcakd.blocks.stage import require_map
from pcakd.blocks.upsampling import Upsample, enlarge

Details: TypeAlias = tuple[Tensor, ...]


@dataclass(frozen=True, slots=True)
class AddPooledResidual(ResidualStage):
    """Adds what average pooling took from the matching encoder block's map.

    That is the map before the pooling minus the pooled one, enlarged again (bilinear).
    """

    def run(
        self, features: Features, source: Source | None = None, layer: nn.Module | None = None
    ) -> Features:
        """Return the sum."""
        del layer
        whole = require_map(self, source)
        return features + (whole - enlarge(F.avg_pool2d(whole, 2)))

    def run_tile(
        self,
        part: Features,
        source: Source | None,
        layer: nn.Module | None,
        *,
        before: Tile,
        after: Tile,
    ) -> Features:
        """Return the sum at a tile."""
        del layer, before
        return pooled_residual_at(after, require_map(self, source)).add_(part)


@dataclass(frozen=True, slots=True, kw_only=True)
class CentredConv(Conv):
    """A convolution of stride 2 whose kernel is centred on the first pixel of each window.

    That is padding on both sides of an even size, whose right and lower pad is never seen; here
    only the left and the top are padded.
    """

    @property
    def padding(self) -> tuple[int, int]:
        """Pixels that are added before (left, top) and after (right, bottom)."""
        return (self.kernel_size // 2, 0)


class _Unpooling(Stage):
    """A stage that makes a 2 × 2 window of each pixel."""

    __slots__ = ()

    def input_span(self, span: Span, size: int) -> Span:
        """Return the pixels whose windows the span touches."""
        return Span(span.start // 2, -(-span.stop // 2), size)

    def output_size(self, size: int) -> int:
        """Return twice the size."""
        return 2 * size


@dataclass(frozen=True, slots=True)
class MaxUnpool(_Unpooling):
    """Enlargement by 2: each value goes where the matching encoder block's map had its maximum."""

    def run(
        self, features: Features, source: Source | None = None, layer: nn.Module | None = None
    ) -> Features:
        """Return the map twice as large, zero elsewhere."""
        del layer
        return unpool_by_maxima(features, require_map(self, source))

    def run_tile(
        self,
        part: Features,
        source: Source | None,
        layer: nn.Module | None,
        *,
        before: Tile,
        after: Tile,
    ) -> Features:
        """Return a tile of the map twice as large."""
        del layer
        larger = _doubled(before)
        return _within(unpool_by_maxima(part, larger.of(require_map(self, source))), larger, after)


@dataclass(frozen=True, slots=True)
class WaveletUnpool(_Unpooling):
    """Enlargement by 2 by the inverse Haar transform of the features and three detail bands.

    Its source is the map before the pooling and its detail bands LH, HL and HH.

    Attributes:
        channels: Channels of the features and of each band.
        concat: Whether the four parts and the map before the pooling are appended as channels,
            ``5 × channels`` in all; otherwise the four parts are summed.
    """

    channels: int
    concat: bool

    def create_layer(self) -> HaarUnpool:
        """Return the fixed filters."""
        return HaarUnpool(self.channels)

    def run(
        self, features: Features, source: Source | None = None, layer: nn.Module | None = None
    ) -> Features:
        """Return the parts by transposed convolutions, summed or appended."""
        original, details = self._require_bands(source)
        if layer is None:
            raise TypeError("WaveletUnpool needs its filters")
        parts: Bands = layer((features, *details))
        return torch.cat((*parts, original), dim=1) if self.concat else sum(parts[1:], parts[0])

    def run_tile(
        self,
        part: Features,
        source: Source | None,
        layer: nn.Module | None,
        *,
        before: Tile,
        after: Tile,
    ) -> Features:
        """Return a tile of the same by sums, which are faster."""
        del layer
        original, details = self._require_bands(source)
        larger = _doubled(before)
        horizontal, vertical, diagonal = map(before.of, details)
        if self.concat:
            bands = (part, horizontal, vertical, diagonal)
            return _within(haar_unpool_bands(bands, larger.of(original)), larger, after)
        return _within(haar_unpool(part, (horizontal, vertical, diagonal)), larger, after)

    def output_channels(self, channels: int) -> int:
        """Return five times the channels if the parts are appended."""
        return (NUM_BANDS + 1) * self.channels if self.concat else channels

    def _require_bands(self, source: Source | None) -> tuple[Tensor, Details]:
        if not isinstance(source, tuple) or len(source) != NUM_BANDS:
            raise ValueError("WaveletUnpool needs a map and its three detail bands")
        return source[0], source[1:]


def unpool_by_maxima(features: Features, whole: Features) -> Features:
    """Put each value where ``whole``, twice as large, has the maximum of its 2 × 2 window."""
    _, places = F.max_pool2d(whole, 2, return_indices=True)
    # integers also under torch.jit.trace, where the function could not check traced sizes
    height, width = map(int, whole.shape[-2:])
    return F.max_unpool2d(features, places, [2, 2], output_size=[height, width])


def pooled_residual_at(tile: Tile, whole: Features) -> Features:
    """Return a tile of a map minus its 2 × 2 means, enlarged again."""
    rows, columns = (
        Upsample().input_span(span, span.size // 2) for span in (tile.rows, tile.columns)
    )
    seen = _doubled(Tile(rows, columns))
    part = seen.of(whole)
    larger = enlarge(F.avg_pool2d(part, 2))
    return _within(part, seen, tile) - _within(larger, seen, tile)


def _doubled(tile: Tile) -> Tile:
    """Return the tile of a map twice as large."""
    rows, columns = (Span(2 * s.start, 2 * s.stop, 2 * s.size) for s in (tile.rows, tile.columns))
    return Tile(rows, columns)


def _within(part: Tensor, outer: Tile, tile: Tile) -> Tensor:
    """Cut a tile out of a part that covers ``outer``."""
    return part[..., tile.rows.within(outer.rows), tile.columns.within(outer.columns)]
