"""Spans of an axis: what a stage must read of its input to make a part of its output."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from pcakd.blocks import (
    AddPooledResidual,
    AddResidual,
    AvgPool,
    Block,
    ConcatResidual,
    Conv,
    MaxPool,
    MaxUnpool,
    Stage,
    Upsample,
    WaveletUnpool,
)


@dataclass(frozen=True, slots=True)
class Span:
    """Positions ``start`` to ``stop`` of an axis of ``size``."""

    start: int
    stop: int
    size: int

    @property
    def first(self) -> bool:
        """Whether the axis begins with it."""
        return self.start == 0

    @property
    def last(self) -> bool:
        """Whether the axis ends with it."""
        return self.stop == self.size

    @property
    def index(self) -> slice:
        """The span as an index of the axis."""
        return slice(self.start, self.stop)

    def within(self, outer: "Span") -> slice:
        """The span as an index of a part of the axis that holds it."""
        return slice(self.start - outer.start, self.stop - outer.start)

    def grown(self, by: int) -> "Span":
        """The span and its neighbours, as far as the axis goes."""
        return _clip(self.start - by, self.stop + by, self.size)


def output_size(stage: Stage, size: int) -> int:
    """Return the size that a stage makes of an axis of ``size``.

    >>> output_size(Upsample(), 5), output_size(Conv(in_channels=3, out_channels=4, stride=2), 8)
    (10, 4)
    """
    match stage:
        case MaxPool() | AvgPool() | Conv(stride=2):
            return size // 2
        case Upsample() | MaxUnpool() | WaveletUnpool():
            return 2 * size
    return size


def input_span(stage: Stage, span: Span, size: int) -> Span:
    """Return what a stage reads of an input axis of ``size`` to make ``span`` of its output.

    >>> input_span(Conv(in_channels=3, out_channels=4), Span(8, 12, 16), 16)
    Span(start=7, stop=13, size=16)
    >>> input_span(Upsample(), Span(8, 12, 16), 8)  # a pixel lies between two of the input
    Span(start=3, stop=7, size=8)
    """
    start, stop = span.start, span.stop
    match stage:
        case Conv(stride=1, kernel_size=kernel):
            return _clip(start - kernel // 2, stop + kernel // 2, size)
        case Conv(stride=stride, kernel_size=kernel):  # padded by (0, kernel // 2)
            return _clip(stride * start, stride * (stop - 1) + kernel, size)
        case MaxPool() | AvgPool():
            return _clip(2 * start, 2 * stop, size)
        case Upsample():
            return _clip((start - 1) // 2, stop // 2 + 1, size)
        case MaxUnpool() | WaveletUnpool():
            return _clip(start // 2, -(-stop // 2), size)
        case AddResidual() | ConcatResidual() | AddPooledResidual():
            return span
    raise TypeError(f"{stage!r} is no stage")


def trace_back(stages: Block, span: Span, sizes: Sequence[int]) -> list[Span]:
    """Return the spans before each stage of a block that make ``span`` of its output, and ``span``.

    Args:
        stages: The stages.
        span: A part of the block's output.
        sizes: Of the axis before each stage.
    """
    spans = [span]
    for stage, size in zip(reversed(stages), reversed(sizes), strict=True):
        spans.insert(0, input_span(stage, spans[0], size))
    return spans


def cut(size: int, most: int) -> list[Span]:
    """Cut an axis into spans of about equal length, each at most ``most`` long (at least 1).

    >>> [(span.start, span.stop) for span in cut(10, 4)]
    [(0, 3), (3, 6), (6, 10)]
    """
    count = -(-size // max(1, most))
    ends = [size * index // count for index in range(count + 1)]
    return [Span(start, stop, size) for start, stop in pairwise(ends)]


def _clip(start: int, stop: int, size: int) -> Span:
    return Span(max(0, start), min(size, stop), size)
