"""Encoder and decoder blocks, tile by tile.

``BlockStack.run_block`` is the plain reference; results agree to rounding. What is different:

* *Tiles*: what lies between a block's input and its output stays in the caches, and no full-size
  map of it is ever in memory. A tile reads past its own pixels what its stages see, so no seam can
  show; only true borders are padded.
* *The feature transform is folded* into the convolution that follows it.
* *Channels-last* on a CPU, and 3 × 3 means without ``avg_pool2d`` (`pcakd.tiling.kernels`).

Under a tracer, and within :func:`plain_blocks`, the plain reference runs: what counts operators
then sees those of the network, not those of tiles and their overlaps.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from fractions import Fraction
from itertools import accumulate, product
from math import isqrt

import torch
import torch.nn.functional as F
from torch import Tensor

from pcakd.blocks import (
    AddPooledResidual,
    AvgPool,
    Block,
    BlockStack,
    ConcatResidual,
    Conv,
    ConvLayer,
    MaxPool,
    MaxUnpool,
    Source,
    Stage,
    Upsample,
    WaveletUnpool,
)
from pcakd.blocks.layers import (
    Edges,
    enlarge,
    pad_reflect,
    require_bands,
    require_map,
    unpool_by_maxima,
)
from pcakd.blocks.wavelets import haar_unpool, haar_unpool_bands
from pcakd.tiling.kernels import (
    Features,
    PadMode,
    fold_affine,
    high_frequencies,
    layout_of,
    pad_by_one,
    pooled_residual,
)
from pcakd.tiling.spans import Span, cut, output_size, trace_back
from pcakd.transforms import AffineMap, apply_affine

_CPU_TILE_BYTES = 4 << 20  # a few such maps fit the caches, and their memory is reused
_TILE_BYTES = 1 << 30  # on an accelerator: hardly ever more than one tile, and 32-bit indices
_LEAST_SIDE = 8


@dataclass(frozen=True, slots=True)
class _Kernel:
    """A convolution with the weights to use."""

    layer: ConvLayer
    weight: Tensor
    bias: Tensor


_plain: ContextVar[bool] = ContextVar("plain", default=False)


@contextmanager
def plain_blocks() -> Iterator[None]:
    """Run blocks as their plain reference, for whoever counts operators."""
    token = _plain.set(True)
    try:
        yield
    finally:
        _plain.reset(token)


def runs_plain() -> bool:
    """Tell whether blocks run as their plain reference now."""
    return _plain.get() or bool(torch.jit.is_tracing())  # type: ignore[attr-defined,no-untyped-call]


def run_block(
    stack: BlockStack,
    block: int,
    features: Features,
    source: Source | None = None,
    *,
    affine: AffineMap | None = None,
    tile_bytes: int | None = None,
) -> Features:
    """Run the stages of a block in order, tile by tile.

    Args:
        stack: An encoder or a decoder, without batch norms.
        block: Which block, from 1.
        features: Its input, whose sizes are multiples of the block's stride.
        source: What a decoder block takes from the content's encoder.
        affine: A map of single pixels to apply to ``features`` first.
        tile_bytes: About the size of a tile's largest map; None suits the device.

    Raises:
        ValueError: The block is in training, or a stage lacks its source.
    """
    if runs_plain():
        mapped = features if affine is None else apply_affine(features, affine)
        return stack.run_block(block, mapped, source)
    stages = stack.stages(block)
    if affine is not None and not _can_fold(stages):
        features, affine = apply_affine(features, affine), None
    kernels = _kernels(stack.layers(block), affine)
    sizes = [_sizes(stages, size) for size in features.shape[-2:]]
    side = _tile_side(stages, features, tile_bytes)
    rows, columns = (cut(axis[-1], side) for axis in sizes)
    if len(rows) == len(columns) == 1:
        path = _path(stages, sizes, (rows[0], columns[0]))
        return _run_tile(stages, kernels, features, source, path)
    result = torch.empty(
        (len(features), len(kernels[-1].bias), rows[0].size, columns[0].size),
        dtype=features.dtype,
        device=features.device,
        memory_format=layout_of(features),
    )
    for tile in product(rows, columns):
        part = _run_tile(stages, kernels, features, source, _path(stages, sizes, tile))
        result[..., tile[0].index, tile[1].index] = part
    return result


def _run_tile(
    stages: Block,
    kernels: Sequence[_Kernel],
    features: Features,
    source: Source | None,
    path: Sequence[tuple[Span, Span]],
) -> Features:
    """Run all stages on what leads to one tile; ``path`` has its rows and columns at each step."""
    rows, columns = path[0]
    part = features[..., rows.index, columns.index]
    remaining = iter(kernels)
    for stage, before, after in zip(stages, path[:-1], path[1:], strict=True):
        if isinstance(stage, Conv):
            part = _convolve(next(remaining), part, *after)
        else:
            part = _run_stage(stage, part, source, before, after)
    return part


def _convolve(kernel: _Kernel, part: Features, rows: Span, columns: Span) -> Features:
    edges = (columns.first, columns.last, rows.first, rows.last)
    layer, conv = kernel.layer, kernel.layer.conv
    padded = _pad(layer, part, edges)
    result = F.conv2d(padded, kernel.weight, kernel.bias, stride=conv.stride, groups=conv.groups)
    return F.relu_(result) if layer.relu else result


def _pad(layer: ConvLayer, part: Features, edges: Edges) -> Features:
    """Pad those edges of a part that are borders of the map, as the convolution does."""
    before, after = layer.padding
    if max(before, after) > 1:
        return pad_reflect(part, before=before, after=after, edges=edges)
    left, right, top, bottom = edges
    wanted = (left and before > 0, right and after > 0, top and before > 0, bottom and after > 0)
    mode: PadMode = "reflect" if min(part.shape[-2:]) > 1 else "replicate"
    return pad_by_one(part, wanted, mode=mode) if any(wanted) else part


def _run_stage(
    stage: Stage,
    part: Features,
    source: Source | None,
    before: tuple[Span, Span],
    after: tuple[Span, Span],
) -> Features:
    match stage:
        case MaxPool():
            return F.max_pool2d(part, 2)
        case AvgPool():
            return F.avg_pool2d(part, 2)
        case Upsample():
            return _within(enlarge(part), before, after)
        case WaveletUnpool(concat=concat):
            bands = require_bands(stage, source)
            return _within(_unpool_wavelets(part, bands, before, concat=concat), before, after)
    whole = require_map(stage, source)
    match stage:
        case MaxUnpool():
            return _within(unpool_by_maxima(part, _doubled(whole, before)), before, after)
        case AddPooledResidual():
            return pooled_residual(whole, *after).add_(part)
        case ConcatResidual():
            return torch.cat((part, high_frequencies(whole, *after)), dim=1)
    return high_frequencies(whole, *after).add_(part)


def _within(larger: Features, before: tuple[Span, Span], after: tuple[Span, Span]) -> Features:
    """Cut what a part was asked for out of its enlargement by 2."""
    rows, columns = (
        slice(span.start - 2 * read.start, span.stop - 2 * read.start)
        for read, span in zip(before, after, strict=True)
    )
    return larger[..., rows, columns]


def _unpool_wavelets(
    part: Features, bands: tuple[Tensor, ...], read: tuple[Span, Span], *, concat: bool
) -> Features:
    rows, columns = read
    horizontal, vertical, diagonal = (band[..., rows.index, columns.index] for band in bands[1:])
    if not concat:
        return haar_unpool(part, (horizontal, vertical, diagonal))
    return haar_unpool_bands((part, horizontal, vertical, diagonal), _doubled(bands[0], read))


def _doubled(whole: Tensor, read: tuple[Span, Span]) -> Tensor:
    """Cut out of a map what a part of a map half as large covers."""
    rows, columns = read
    return whole[..., 2 * rows.start : 2 * rows.stop, 2 * columns.start : 2 * columns.stop]


def _kernels(layers: Sequence[ConvLayer], affine: AffineMap | None) -> list[_Kernel]:
    kernels: list[_Kernel] = []
    for layer in layers:
        weight, bias = layer.conv.weight, layer.conv.bias
        if bias is None or layer.norm is not None or layer.input_mean is not None:
            raise ValueError("a block in training cannot run in tiles; fold its norms first")
        if affine is not None and not kernels:
            weight, bias = fold_affine(weight, bias, affine)
        kernels.append(_Kernel(layer, weight, bias))
    return kernels


def _can_fold(stages: Block) -> bool:
    """Tell whether a map of single pixels commutes with what precedes the first convolution."""
    for stage in stages:
        if isinstance(stage, Conv):
            return not stage.depthwise
        if not isinstance(stage, Upsample | ConcatResidual):
            return False
    return False


def _path(
    stages: Block, sizes: Sequence[Sequence[int]], tile: tuple[Span, Span]
) -> list[tuple[Span, Span]]:
    """Return the rows and columns before each stage that lead to a tile, and the tile."""
    rows, columns = (
        trace_back(stages, span, axis[:-1]) for span, axis in zip(tile, sizes, strict=True)
    )
    return list(zip(rows, columns, strict=True))


def _sizes(stages: Block, size: int) -> list[int]:
    """Return the sizes of an axis before each stage, and after the last."""
    return list(accumulate(stages, lambda size, stage: output_size(stage, size), initial=size))


def _tile_side(stages: Block, features: Features, tile_bytes: int | None) -> int:
    """Return the side of a tile of the output whose largest map has about ``tile_bytes``."""
    device = features.device.type
    budget = tile_bytes or (_CPU_TILE_BYTES if device == "cpu" else _TILE_BYTES)
    channels, scale = features.shape[1], Fraction(1)
    sizes = [(channels, scale)]
    for stage in stages:
        channels = _output_channels(stage, channels)
        scale *= Fraction(output_size(stage, 2), 2)
        sizes.append((channels, scale))
    pixel = max(channels * (each / scale) ** 2 for channels, each in sizes)
    return max(_LEAST_SIDE, isqrt(int(budget / (features.element_size() * pixel))))


def _output_channels(stage: Stage, channels: int) -> int:
    match stage:
        case Conv():
            return stage.out_channels
        case WaveletUnpool(concat=True):
            return 5 * stage.channels
    return channels
