"""Positions of labels beside their points, without overlaps and without crossing lines."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TypeAlias

_DIRECTIONS = 16
_DISTANCES = (7.0, 13.0, 20.0, 30.0, 42.0, 56.0, 72.0, 90.0, 110.0)
_SWEEPS = 4
_CROSSING = 4000.0  # cost of one fault, in square pixels: crossing lines or overlapping labels
_ROUNDING = 1e-6
_LENGTH = 0.6  # cost of a pixel of a line, in square pixels
_SOFT = 0.15  # cost of a covered soft area, as a share of the area

Position: TypeAlias = tuple[float, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Box:
    """An upright rectangle in pixels."""

    left: float
    bottom: float
    right: float
    top: float

    @property
    def centre(self) -> Position:
        """The middle."""
        return (self.left + self.right) / 2, (self.bottom + self.top) / 2

    def overlap(self, other: "Box") -> float:
        """Return the area that both cover, in square pixels."""
        width = min(self.right, other.right) - max(self.left, other.left)
        height = min(self.top, other.top) - max(self.bottom, other.bottom)
        return max(width, 0.0) * max(height, 0.0)

    def outside(self, frame: "Box") -> float:
        """Return the area outside ``frame``, in square pixels."""
        return (self.right - self.left) * (self.top - self.bottom) - self.overlap(frame)

    def gap(self, place: Position) -> float:
        """Return the distance from a place to the rectangle, in pixels."""
        across = max(self.left - place[0], place[0] - self.right, 0.0)
        return math.hypot(across, max(self.bottom - place[1], place[1] - self.top, 0.0))


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelLayout:
    """The plot around the labels, in pixels.

    Attributes:
        points: Centres of the labelled marks; lines to other marks avoid them.
        obstacles: Areas that labels must not cover.
        soft: Areas that labels avoid where possible (error bars).
        frame: The axes; labels stay inside.
        radius: Radius of a mark.
        unit: Pixels per typographic point, so that distances look alike at every resolution.
    """

    points: Sequence[Position]
    obstacles: Sequence[Box]
    soft: Sequence[Box] = ()
    frame: Box
    radius: float = 4.0
    unit: float = 1.0


def place_labels(sizes: Sequence[tuple[float, float]], layout: LabelLayout) -> list[Box]:
    """Choose a place for each label, near its mark, that covers nothing and crosses no line.

    Each label in turn takes its best place given the others; this repeats until nothing moves, at
    most four times. The same input gives the same output.

    Args:
        sizes: Width and height of each label in pixels, in the order of ``layout.points``.
        layout: The plot around the labels.

    Returns:
        One box for each label.

    Raises:
        ValueError: A point is not finite.
    """
    placed: dict[int, Box] = {}
    for sweep in range(_SWEEPS):
        before = dict(placed)
        for index, size in enumerate(sizes):
            others = {k: box for k, box in placed.items() if k != index}
            placed[index] = _best_place(index, size, others, layout)
        if sweep and placed == before:
            break
    return [placed[index] for index in range(len(sizes))]


def _best_place(
    index: int, size: tuple[float, float], others: dict[int, Box], layout: LabelLayout
) -> Box:
    best, least = None, math.inf
    for box in _candidates(layout.points[index], size, layout.unit):
        length = _LENGTH * box.gap(layout.points[index])
        if length >= least:
            continue  # it cannot be better
        cost = length + _cost(index, box, others, layout)
        if cost < least:
            best, least = box, cost
    if best is None:
        raise ValueError(f"a label cannot be placed at {layout.points[index]}: not a finite place")
    return best


def _candidates(point: Position, size: tuple[float, float], unit: float) -> Iterator[Box]:
    """Yield places around a point, the nearest first."""
    (x, y), (width, height) = point, size
    for distance in _DISTANCES:
        for step in range(_DIRECTIONS):
            angle = 2 * math.pi * step / _DIRECTIONS
            across, up = round(math.cos(angle), 6), round(math.sin(angle), 6)
            # the distance is to the side or corner of the label that faces the point
            left = x + distance * unit * across + width * (_clip(2 * across) - 1) / 2
            bottom = y + distance * unit * up + height * (_clip(2 * up) - 1) / 2
            yield Box(left=left, bottom=bottom, right=left + width, top=bottom + height)


def _clip(value: float) -> float:
    return min(max(value, -1.0), 1.0)


def _cost(index: int, box: Box, others: dict[int, Box], layout: LabelLayout) -> float:
    """Return the cost of a place among the other labels, without its distance, in square pixels."""
    point = layout.points[index]
    covered = sum(box.overlap(each) for each in (*layout.obstacles, *others.values()))
    softly = sum(box.overlap(each) for each in layout.soft)
    faults = sum(
        _crosses(point, box.centre, layout.points[k], other.centre)
        or _hits(point, box, other)
        or box.overlap(other) > _ROUNDING
        for k, other in others.items()
    )
    faults += 2 * (box.outside(layout.frame) > _ROUNDING)
    for k, mark in enumerate(layout.points):
        near = math.dist(mark, point) < layout.radius  # two marks at the same place
        faults += k != index and not near and _passes(point, box.centre, mark, layout.radius)
    return covered + 4 * box.outside(layout.frame) + _SOFT * softly + _CROSSING * faults


def _crosses(a: Position, b: Position, c: Position, d: Position) -> bool:
    """Tell whether the lines from a to b and from c to d cross."""

    def side(p: Position, q: Position, r: Position) -> float:
        return (q[0] - p[0]) * (r[1] - p[1]) - (q[1] - p[1]) * (r[0] - p[0])

    return side(a, b, c) * side(a, b, d) < 0 and side(c, d, a) * side(c, d, b) < 0


def _hits(point: Position, box: Box, other: Box) -> bool:
    """Tell whether the line to a label runs over another label."""
    corners = (other.left, other.bottom), (other.right, other.top)
    diagonals = [corners, ((other.left, other.top), (other.right, other.bottom))]
    return any(_crosses(point, box.centre, *ends) for ends in diagonals)


def _passes(a: Position, b: Position, mark: Position, radius: float) -> bool:
    """Tell whether the line from a to b runs over a mark."""
    length = math.dist(a, b)
    if not length:
        return False
    along = ((mark[0] - a[0]) * (b[0] - a[0]) + (mark[1] - a[1]) * (b[1] - a[1])) / length
    nearest = _clip(along / length) if along > 0 else 0.0
    foot = a[0] + nearest * (b[0] - a[0]), a[1] + nearest * (b[1] - a[1])
    return math.dist(foot, mark) < radius
