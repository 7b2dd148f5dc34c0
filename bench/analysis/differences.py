"""Paired differences of two sides, and which of many are not zero (Holm's correction). No torch."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from bench.analysis.intervals import ERROR, mean_p_values
from bench.analysis.stats import Interval, mean_interval


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference(Interval):
    """A mean of paired differences.

    Attributes:
        p_value: Of the hypothesis that the mean is 0. It is below 0.05 exactly if the interval
            excludes 0. None without an interval.
    """

    p_value: float | None = None


def difference_interval(first: Sequence[float], second: Sequence[float]) -> Difference:
    """Return the mean of ``first[i] - second[i]`` with the interval of `mean_interval`.

    >>> difference_interval([3.0, 5.0], [1.0, 2.0])
    Difference(value=2.5, low=None, high=None, count=2, p_value=None)
    """
    differences = [a - b for a, b in zip(first, second, strict=True)]
    mean, low, high = mean_interval(differences)
    p_value = None
    if low is not None:
        equal = low == high  # to rounding, which has no p-value
        p_value = float(mean == 0) if equal else float(mean_p_values(np.array(differences)))
    return Difference(value=mean, low=low, high=high, count=len(differences), p_value=p_value)


def mark_by_holm(differences: Sequence[Difference]) -> tuple[bool, ...]:
    """Return which differences are not 0, at an error of 5 % for all of them together.

    Differences without an interval are never marked, and do not count.

    Source:
        S. Holm, A simple sequentially rejective multiple test procedure, Scand. J. Statist. 6
        (1979).
    """
    tested = sorted(
        (each.p_value, place) for place, each in enumerate(differences) if each.p_value is not None
    )
    marked = [False] * len(differences)
    for passed, (p_value, place) in enumerate(tested):
        if p_value * (len(tested) - passed) >= ERROR:
            break
        marked[place] = True
    return tuple(marked)


def describe_holm(differences: Sequence[Difference], place: str) -> str:
    """Say what an asterisk means, and among how many comparisons; empty without intervals.

    >>> describe_holm([Difference(value=0.1, count=2)], "table")
    ''
    """
    count = sum(each.p_value is not None for each in differences)
    if not count:
        return ""
    return (
        "An asterisk marks a difference that is not zero after Holm's correction for the "
        f"{count} comparison{'s' * (count != 1)} of this {place} (5 % for even one false "
        "asterisk). The intervals are not corrected: one in twenty misses the true value by chance."
    )
