"""The Pareto front: which subjects nothing else beats on every score at once."""

import math
from collections.abc import Sequence


def dominates(
    first: Sequence[float], second: Sequence[float], higher_is_better: Sequence[bool]
) -> bool:
    """Tell whether ``first`` is at least as good on every score and better on one.

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
    """Tell for each point whether no other point dominates it.

    Equal points do not dominate each other, so all copies of a front point are on the front. The
    answer for a point does not depend on the order of the others.

    Args:
        points: One sequence of scores a subject, all of the same length.
        higher_is_better: For each score, whether a larger one is better.

    Returns:
        One flag a point, in the order of ``points``.

    Raises:
        ValueError: A score is not finite, or a point has another number of scores.

    >>> pareto_front([(1, 9), (2, 5), (3, 7)], (False, False))
    (True, True, False)
    """
    for point in points:
        if not all(math.isfinite(score) for score in point):
            raise ValueError(f"scores must be finite numbers, got {tuple(point)}")
    return tuple(
        not any(dominates(other, point, higher_is_better) for other in points) for point in points
    )
