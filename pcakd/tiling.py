"""Blocks run tile by tile, without gradients.

`pcakd.blocks.run_plain` is the reference; results agree to rounding. What is different:

* *Tiles*: the maps between a block's input and its output stay in the caches, and none of them is
  in memory at full size. Each stage tells what it reads of its input (`Stage.input_span`), so that
  tiles overlap by what the stages see and leave no seam. Only true borders are padded.
* *The feature transform is folded* into the convolution that follows it.
* *Enlargement and concatenation* are parts of the convolution after them (`pcakd.blocks.fusion`).
* *Channels-last* on a CPU (:func:`lay_out`).
"""

from collections.abc import Callable, Sequence
from fractions import Fraction
from functools import partial
from itertools import accumulate, product
from math import isqrt
from threading import Lock
from typing import TypeAlias

import torch

from pcakd.blocks.fusion import Step, fuse
from pcakd.blocks.padding import layout_of
from pcakd.blocks.spans import Span, Tile, cut
from pcakd.blocks.stack import BlockStack
from pcakd.blocks.stage import Features, Source, Stage
from pcakd.transforms import AffineMap, apply_affine
from pcakd.utils.threads import call_in_thread, map_in_threads

_CPU_TILE_BYTES = 4 << 20  # a few such maps fit the caches, and their memory is reused
_TILE_BYTES = 1 << 30  # on an accelerator: hardly ever more than one tile, and 32-bit indices
_LEAST_SIDE = 8
_BAND_ROWS = 128
_PROBE = 64  # the size of an axis that shows by how much a stage scales it

Steps: TypeAlias = Sequence[Step]


def lay_out(image: Features) -> Features:
    """Return an image channels-last if it is on a CPU; elsewhere as it is.

    oneDNN's convolutions of few channels are faster in this format. All later maps inherit it.
    """
    if image.device.type != "cpu" or image.is_contiguous(memory_format=torch.channels_last):
        return image
    result = torch.empty_like(image, memory_format=torch.channels_last)

    def copy(part: Features, place: Features) -> None:
        for channel in range(part.shape[1]):  # three times as fast as one copy of all, for colours
            place[:, channel].copy_(part[:, channel])

    map_bands(copy, image, result)
    return result


def map_bands(function: Callable[..., object], *images: Features) -> None:
    """Call a function with bands of rows of images of one size, which it may change."""
    bands = zip(*(torch.split(image, _BAND_ROWS, dim=-2) for image in images), strict=True)
    map_in_threads(lambda band: function(*band), list(bands))


def run_tiled(
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
        tile_bytes: About the size of a tile's largest map; None chooses by device.

    Raises:
        ValueError: The block is in training, or a stage lacks its source.
    """
    steps: Steps = stack.steps(block)
    if affine is not None:
        folded = call_in_thread(partial(_fold, steps, affine))
        if folded is None:
            features = apply_affine(features, affine)
        else:
            steps = folded
    steps = call_in_thread(partial(fuse, steps, features))
    stages = [stage for stage, _ in steps]
    sizes = [_sizes(stages, size) for size in features.shape[-2:]]
    side = _tile_side(stages, features, tile_bytes)
    rows, columns = (cut(axis[-1], side) for axis in sizes)
    tiles = [Tile(*spans) for spans in product(rows, columns)]
    if len(tiles) == 1:
        return _run_tile(steps, features, source, _path(stages, sizes, tiles[0]))
    result = _Result(features, size=(rows[0].size, columns[0].size))

    def run(tile: Tile) -> None:
        result.write(tile, _run_tile(steps, features, source, _path(stages, sizes, tile)))

    map_in_threads(run, tiles)
    return result.whole()


class _Result:
    """A map that tiles are written into; the first one shows how many channels it has."""

    def __init__(self, like: Features, *, size: tuple[int, int]) -> None:
        self._like, self._size = like, size
        self._lock = Lock()
        self._whole: Features | None = None

    def write(self, tile: Tile, part: Features) -> None:
        """Write a tile."""
        with self._lock:
            if self._whole is None:
                self._whole = torch.empty(
                    (*part.shape[:2], *self._size),
                    dtype=self._like.dtype,
                    device=self._like.device,
                    memory_format=layout_of(self._like),
                )
        tile.of(self._whole).copy_(part)

    def whole(self) -> Features:
        """Return the map.

        Raises:
            ValueError: There was no tile.
        """
        if self._whole is None:
            raise ValueError("a map has at least one tile")
        return self._whole


def _run_tile(
    steps: Steps, features: Features, source: Source | None, path: Sequence[Tile]
) -> Features:
    """Run all stages on what leads to one tile; ``path`` has the tile at each step."""
    part = path[0].of(features)
    for (stage, layer), before, after in zip(steps, path[:-1], path[1:], strict=True):
        part = stage.run_tile(part, source, layer, before=before, after=after)
    return part


def _fold(steps: Steps, affine: AffineMap) -> Steps | None:
    """Fold a map of single pixels into the first layer that takes it; None if there is none."""
    if affine.matrix.dim() != 2:  # one map for each image
        return None
    for place, (stage, layer) in enumerate(steps):
        folded = stage.fold_affine(layer, affine)
        if folded is not None:
            return [*steps[:place], (stage, folded), *steps[place + 1 :]]
        if not stage.commutes_with_pixelwise:
            return None
    return None


def _path(stages: Sequence[Stage], sizes: Sequence[Sequence[int]], tile: Tile) -> list[Tile]:
    """Return the tiles before each stage that lead to a tile of the output, and that tile."""
    rows, columns = (
        trace_back(stages, span, axis[:-1])
        for span, axis in zip((tile.rows, tile.columns), sizes, strict=True)
    )
    return [Tile(*spans) for spans in zip(rows, columns, strict=True)]


def trace_back(stages: Sequence[Stage], span: Span, sizes: Sequence[int]) -> list[Span]:
    """Return the spans before each stage of a block that make ``span`` of its output, and ``span``.

    Args:
        stages: The stages.
        span: A part of the block's output.
        sizes: Of the axis before each stage.
    """
    spans = [span]
    for stage, size in zip(reversed(stages), reversed(sizes), strict=True):
        spans.insert(0, stage.input_span(spans[0], size))
    return spans


def _sizes(stages: Sequence[Stage], size: int) -> list[int]:
    """Return the sizes of an axis before each stage, and after the last."""
    return list(accumulate(stages, lambda size, stage: stage.output_size(size), initial=size))


def _tile_side(stages: Sequence[Stage], features: Features, tile_bytes: int | None) -> int:
    """Return the side of a tile of the output whose largest map has about ``tile_bytes``."""
    device = features.device.type
    budget = tile_bytes or (_CPU_TILE_BYTES if device == "cpu" else _TILE_BYTES)
    channels, scale = features.shape[1], Fraction(1)
    sizes = [(channels, scale)]
    for stage in stages:
        scale *= Fraction(stage.output_size(_PROBE), _PROBE)
        sizes.append((stage.working_channels(channels), scale))
        channels = stage.output_channels(channels)
    pixel = max(channels * (each / scale) ** 2 for channels, each in sizes)
    return max(_LEAST_SIDE, isqrt(int(budget / (features.element_size() * pixel))))
