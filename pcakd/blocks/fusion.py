"""Convolutions that tiles run as one with the enlargement and the residual before them.

`fuse` puts them together where it pays: on a CPU, in channels-last. Results agree with those of the
stages in turn to rounding.

* *Enlargement* (`Upsample`) and a 3 × 3 convolution of its output are one 3 × 3 convolution of the
  small map with four times the channels: those of each of the 2 × 2 pixels that a pixel becomes. It
  needs as many multiply-adds, does not make the enlarged map, and fills the vector registers that a
  few output channels leave empty. It repeats the outermost pixels of the large map where the
  convolution reflects them, so those are computed by the stages in turn.
* *Concatenation* (`ConcatResidual`) copies both of its inputs. A convolution of them is the sum of
  the convolutions of each.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from pcakd.blocks.convolution import Conv, read_weights
from pcakd.blocks.padding import layout_of, pad_by_one, pad_reflect
from pcakd.blocks.residuals import AddResidual, ConcatResidual, high_frequencies_at
from pcakd.blocks.spans import Span, Tile
from pcakd.blocks.stage import Features, Source, Stage, require_map
from pcakd.blocks.upsampling import Upsample

Step: TypeAlias = tuple[Stage, nn.Module | None]

_ENLARGE, _APPEND = Upsample(), ConcatResidual()
_DTYPES = (torch.float32, torch.float64)  # others would round where the stages in turn do not
_NEAR, _FAR = 0.75, 0.25  # weights of an enlarged pixel's neighbours
_PHASES = torch.tensor(  # phase × tap of the convolution × neighbour in the small map
    [
        [[_NEAR, _FAR, 0.0], [_FAR, _NEAR, 0.0], [0.0, _NEAR, _FAR]],
        [[_FAR, _NEAR, 0.0], [0.0, _NEAR, _FAR], [0.0, _FAR, _NEAR]],
    ],
    dtype=torch.float64,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class FusedConv(Stage):
    """A convolution of an enlarged map, of a map with the residual appended, or of both.

    Attributes:
        conv: The convolution: 3 × 3, stride 1, of all channels.
        enlarged: Whether the map is enlarged by 2 first.
        appended: Whether the high frequencies of the source are appended then.
    """

    conv: Conv
    enlarged: bool
    appended: bool

    def run(
        self, features: Features, source: Source | None = None, layer: nn.Module | None = None
    ) -> Features:
        """Run the stages in turn on a whole map."""
        if self.enlarged:
            features = _ENLARGE.run(features)
        if self.appended:
            features = _APPEND.run(features, source)
        weights = _check_layer(layer)
        parts = [weights.weight, *([] if weights.residual is None else [weights.residual])]
        before, after = self.conv.padding
        padded = pad_reflect(features, before=before, after=after)
        result = F.conv2d(padded, torch.cat(parts, dim=1), weights.bias)
        return F.relu(result) if self.conv.relu else result

    def run_tile(
        self,
        part: Features,
        source: Source | None,
        layer: nn.Module | None,
        *,
        before: Tile,
        after: Tile,
    ) -> Features:
        """Run the stages as one on a part of a map."""
        weights = _check_layer(layer)
        if self.enlarged:
            result = self._convolve_enlarged(part, weights, before, after)
        else:
            padded = self.conv.pad_tile(part, after.edges)
            result = F.conv2d(padded, weights.weight, weights.bias)
        if weights.residual is not None:
            whole = require_map(_APPEND, source)
            if len(whole) != len(part):
                raise ValueError(f"the residual is of {len(whole)} images, the map of {len(part)}")
            residual = high_frequencies_at(self._seen(after), whole)
            result += F.conv2d(self.conv.pad_tile(residual, after.edges), weights.residual)
        return F.relu_(result) if self.conv.relu else result

    def input_span(self, span: Span, size: int) -> Span:
        """Return what the stages in turn depend on."""
        if not self.enlarged:
            return self.conv.input_span(span, size)
        return _ENLARGE.input_span(self.conv.input_span(span, 2 * size), size)

    def output_size(self, size: int) -> int:
        """Return the size, or twice the size if the map is enlarged."""
        return 2 * size if self.enlarged else size

    def output_channels(self, channels: int) -> int:
        """Return those of the convolution."""
        del channels
        return self.conv.out_channels

    def working_channels(self, channels: int) -> int:
        """Return those of the maps that one tile holds at once: phases, copy and residual."""
        own = self.conv.out_channels * (2 if self.enlarged else 1)
        return own + (self.conv.in_channels - channels if self.appended else 0)

    def _seen(self, tile: Tile) -> Tile:
        """Return the part of the convolution's input under the kernel."""
        rows, columns = (
            self.conv.input_span(span, span.size) for span in (tile.rows, tile.columns)
        )
        return Tile(rows, columns)

    def _convolve_enlarged(
        self, part: Features, layer: "FusedLayer", before: Tile, after: Tile
    ) -> Features:
        """Convolve the enlarged features of a tile."""
        edges = (
            *_lacks_neighbours(before.columns, after.columns),
            *_lacks_neighbours(before.rows, after.rows),
        )
        padded = pad_by_one(part, edges, mode="replicate") if any(edges) else part
        phases = F.conv2d(padded, layer.phases, layer.phase_bias)
        rows, columns = (
            slice(span.start % 2, span.start % 2 + span.stop - span.start)
            for span in (after.rows, after.columns)
        )
        result = interleave(phases)[..., rows, columns]
        for border in _borders(after):
            place = border.rows.within(after.rows), border.columns.within(after.columns)
            result[..., *place] = self._convolve_in_turn(part, layer, before, border)
        return result

    def _convolve_in_turn(
        self, part: Features, layer: "FusedLayer", before: Tile, after: Tile
    ) -> Features:
        """Enlarge the features of a tile, then convolve them."""
        seen = self._seen(after)
        needed = Tile(
            _ENLARGE.input_span(seen.rows, before.rows.size),
            _ENLARGE.input_span(seen.columns, before.columns.size),
        )
        own = part[..., needed.rows.within(before.rows), needed.columns.within(before.columns)]
        enlarged = _ENLARGE.run_tile(own, None, None, before=needed, after=seen)
        return F.conv2d(self.conv.pad_tile(enlarged, after.edges), layer.weight, layer.bias)


class FusedLayer(nn.Module):
    """The weights of a `FusedConv`, for one stylization.

    Args:
        weight: Of the convolution, for features and then for appended channels.
        bias: Its bias.
        appended: Number of appended channels.
        enlarged: Whether the features are enlarged first.
    """

    def __init__(
        self,
        weight: Float[Tensor, "o i 3 3"],
        bias: Float[Tensor, " o"],
        *,
        appended: int,
        enlarged: bool,
    ) -> None:
        super().__init__()
        channels = weight.shape[1] - appended
        self.weight, self.bias = weight[:, :channels].contiguous(), bias
        self.residual = weight[:, channels:].contiguous() if appended else None
        if enlarged:
            self.phases, self.phase_bias = split_phases(self.weight), bias.repeat(4)


def _check_layer(layer: nn.Module | None) -> FusedLayer:
    if not isinstance(layer, FusedLayer):
        raise TypeError(f"a fused convolution runs with a FusedLayer, not {type(layer).__name__}")
    return layer


def _lacks_neighbours(before: Span, after: Span) -> tuple[bool, bool]:
    """Return whether pixels of a part lack the neighbour before the first and after the last."""
    return before.start == after.start // 2, before.stop == (after.stop + 1) // 2


def _borders(tile: Tile) -> Iterator[Tile]:
    """Return the pixels of a tile at each border of the map."""
    for first, last, size in _ends(tile.rows):
        yield Tile(Span(first, last, size), tile.columns)
    for first, last, size in _ends(tile.columns):
        yield Tile(tile.rows, Span(first, last, size))


def _ends(span: Span) -> Iterator[tuple[int, int, int]]:
    if span.first:
        yield 0, 1, span.size
    if span.last:
        yield span.size - 1, span.size, span.size


def split_phases(weight: Float[Tensor, "o i 3 3"]) -> Float[Tensor, "4*o i 3 3"]:
    """Return the weights that convolve a map as ``weight`` does the map enlarged by 2.

    The output channels are those of the 2 × 2 pixels in turn, row by row.
    """
    factors = _PHASES.to(weight.device)
    wide = weight.to(torch.float64)
    mapped = torch.einsum("oitu,atr,buc->aboirc", wide, factors, factors)
    return mapped.flatten(0, 2).to(weight.dtype).contiguous(memory_format=torch.channels_last)


def interleave(phases: Float[Tensor, "b 4*o h w"]) -> Float[Tensor, "b o 2*h 2*w"]:
    """Return the map whose 2 × 2 pixels are the groups of channels, channels-last."""
    batch, channels, height, width = phases.shape
    groups = phases.permute(0, 2, 3, 1).reshape(batch, height, width, 2, channels // 2)
    rows = groups.transpose(2, 3).reshape(batch, 2 * height, 2 * width, channels // 4)
    return rows.permute(0, 3, 1, 2)


def fuse(steps: Sequence[Step], features: Features) -> Sequence[Step]:
    """Return steps with those fused that are faster as one on ``features``."""
    channels_last = layout_of(features) == torch.channels_last
    if features.device.type != "cpu" or features.dtype not in _DTYPES or not channels_last:
        return steps
    fused: list[Step] = []
    channels: int | None = features.shape[1]
    place = 0
    while place < len(steps):
        step, count = (
            (steps[place], 1) if channels is None else _fuse_first(steps[place:], channels)
        )
        fused.append(step)
        channels, place = _count_channels(step[0], channels), place + count
    return fused


def _count_channels(stage: Stage, channels: int | None) -> int | None:
    """Return the channels after a stage; None if it may append those of a source."""
    if type(stage) in (Conv, FusedConv):
        return stage.output_channels(0)
    return channels if type(stage) in (Upsample, AddResidual) else None


def _fuse_first(steps: Sequence[Step], channels: int) -> tuple[Step, int]:
    """Return the step that stands for the first ones, and their number."""
    kinds = [type(stage) for stage, _ in steps]
    enlarged = kinds[0] is Upsample
    appended = ConcatResidual in kinds[enlarged : enlarged + 1]
    count = int(enlarged) + int(appended)
    conv, layer = steps[count] if 0 < count < len(steps) else (None, None)
    if type(conv) is not Conv or conv.depthwise or (conv.kernel_size, conv.stride) != (3, 1):
        return steps[0], 1
    fused = FusedConv(conv=conv, enlarged=enlarged, appended=appended)
    own = conv.in_channels - channels if appended else 0
    weights = FusedLayer(*read_weights(layer), appended=own, enlarged=enlarged)
    return (fused, weights), count + 1
