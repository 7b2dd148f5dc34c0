"""Labels that lie beside their points without covering points, bars or one another."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

_DIRECTIONS = ((1, 0), (-1, 0), (0, 1), (0, -1), (1, 1), (1, -1), (-1, 1), (-1, -1))
_DISTANCES = (7.0, 13.0, 20.0, 30.0, 42.0, 56.0, 72.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Box:
    """An upright rectangle in pixels."""

    left: float
    bottom: float
    right: float
    top: float

    def overlap(self, other: "Box") -> float:
        """Return the area that both cover, in square pixels."""
        width = min(self.right, other.right) - max(self.left, other.left)
        height = min(self.top, other.top) - max(self.bottom, other.bottom)
        return max(width, 0.0) * max(height, 0.0)

    def outside(self, frame: "Box") -> float:
        """Return the area that sticks out of ``frame``, in square pixels."""
        return (self.right - self.left) * (self.top - self.bottom) - self.overlap(frame)


def _candidates(x: float, y: float, width: float, height: float, unit: float) -> Iterator[Box]:
    """Yield places around a point, the nearest first."""
    for distance in _DISTANCES:
        for across, up in _DIRECTIONS:
            # a diagonal label starts as far from the point as a straight one
            reach = distance * unit * (0.71 if across and up else 1.0)
            left = x + reach if across > 0 else x - reach - width if across < 0 else x - width / 2
            bottom = y + reach if up > 0 else y - reach - height if up < 0 else y - height / 2
            yield Box(left=left, bottom=bottom, right=left + width, top=bottom + height)


def place_labels(
    points: Sequence[tuple[float, float]],
    sizes: Sequence[tuple[float, float]],
    *,
    obstacles: Sequence[Box],
    frame: Box,
    unit: float = 1.0,
) -> list[Box]:
    """Choose a place for each label: the nearest one that covers nothing, else the least bad one.

    Labels are placed in the order given, so the same input gives the same output.

    Args:
        points: Centres of the marks, in pixels.
        sizes: Width and height of each label, in pixels.
        obstacles: What labels must not cover (marks, error bars), in pixels.
        frame: The axes; labels stay inside.
        unit: Pixels a typographic point, so that distances look alike at every resolution.

    Returns:
        One box a label.
    """
    placed: list[Box] = []
    for (x, y), (width, height) in zip(points, sizes, strict=True):
        taken = [*obstacles, *placed]
        best, least = None, float("inf")
        for box in _candidates(x, y, width, height, unit):
            cost = sum(box.overlap(other) for other in taken) + 4 * box.outside(frame)
            if cost < least:
                best, least = box, cost
            if cost <= 0:
                break
        if best is None:
            raise ValueError(f"a label cannot be placed at ({x}, {y}): not a finite place")
        placed.append(best)
    return placed
