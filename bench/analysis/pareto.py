"""The Pareto front: the subjects that no other subject dominates."""

import math
from collections.abc import Sequence


def dominates(
    first: Sequence[float], second: Sequence[float], higher_is_better: Sequence[bool]
) -> bool:
    """Return whether ``first`` is at least as good by each metric and better by one.

    >>> dominates((0.5, 3.0), (0.4, 3.0), (True, False))
    True
    """
    gains = [
        (one - other) if higher else (other - one)
        for one, other, higher in zip(first, second, higher_is_better, strict=True)
    ]
    return all(gain >= 0 for gain in gains) and any(gain > 0 for gain in gains)


def pareto_front(
    points: Sequence[Sequence[float]], higher_is_better: Sequence[bool]
) -> tuple[bool, ...]:
    """Return for each point whether it is on the Pareto front.

    A point is on the front if no other point dominates it. Equal points do not dominate each other.

    Args:
        points: The metric values of each subject, in the same order.
        higher_is_better: The direction of each metric.

    Returns:
        One flag for each point, in the order of ``points``.

    Raises:
        ValueError: A value is not finite, or the points differ in length.

    >>> pareto_front([(1, 9), (2, 5), (3, 7)], (False, False))
    (True, True, False)
    """
    for point in points:
        if not all(math.isfinite(value) for value in point):
            raise ValueError(f"metric values must be finite numbers, got {tuple(point)}")
    return tuple(
        not any(dominates(other, point, higher_is_better) for other in points) for point in points
    )
