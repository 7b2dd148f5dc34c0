"""Parts of an axis and of a map, and how an axis is cut into them."""

from dataclasses import dataclass
from itertools import pairwise
from typing import TypeAlias

from torch import Tensor

Edges: TypeAlias = tuple[bool, bool, bool, bool]
"""Which of left, right, top and bottom are borders of the map."""


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
        """The span and ``by`` neighbours on each side, as far as the axis goes."""
        return clip(self.start - by, self.stop + by, self.size)


@dataclass(frozen=True, slots=True)
class Tile:
    """A rectangle of a map: some of its rows and columns."""

    rows: Span
    columns: Span

    @property
    def edges(self) -> Edges:
        """Which sides of the tile are borders of the map."""
        return self.columns.first, self.columns.last, self.rows.first, self.rows.last

    def of(self, whole: Tensor) -> Tensor:
        """Return a view of the tile in a map ``(..., h, w)``."""
        return whole[..., self.rows.index, self.columns.index]


def clip(start: int, stop: int, size: int) -> Span:
    """Return positions ``start`` to ``stop``, without those outside an axis of ``size``."""
    return Span(max(0, start), min(size, stop), size)


def cut(size: int, most: int) -> list[Span]:
    """Cut an axis into spans of about equal length, each at most ``most`` long (at least 1).

    >>> [(span.start, span.stop) for span in cut(10, 4)]
    [(0, 3), (3, 6), (6, 10)]
    """
    count = -(-size // max(1, most))
    ends = [size * index // count for index in range(count + 1)]
    return [Span(start, stop, size) for start, stop in pairwise(ends)]
