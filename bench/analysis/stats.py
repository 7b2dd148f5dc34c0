"""Median, 95th percentile, mean and ratio of samples, with confidence intervals. No torch."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np

from bench.analysis.intervals import (
    ERROR,
    bounded_mean_ends,
    mean_ends,
    median_ends,
    process_ends,
    separate_ratio_ends,
)

MIN_SAMPLES = 6
"""The smallest number of samples that has an interval.

The range of n samples misses the median with probability 2^(1-n), which exceeds 5 % for n = 5.
"""

_ROUNDING = 1e-12

Ends = tuple[float, float]
"""Lower and upper end of an interval."""

Samples = np.ndarray[tuple[int], np.dtype[np.float64]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Interval:
    """A median, mean or ratio of ``count`` samples with its 95 % interval.

    The ends are None for fewer than `MIN_SAMPLES` samples, which have no interval.
    """

    value: float
    low: float | None = None
    high: float | None = None
    count: int

    @property
    def ends(self) -> Ends | None:
        """Both ends; None if there is no interval."""
        return None if self.low is None or self.high is None else (self.low, self.high)


class MeanInterval(NamedTuple):
    """A mean with its 95 % interval, in the unit of the samples; few samples have no interval."""

    mean: float
    low: float | None
    high: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ProcessInterval(Interval):
    """A latency measured in ``count`` processes: the median over their medians.

    Attributes:
        within: Variation within a process: the root mean square of the processes' coefficients of
            variation (standard deviation divided by the mean). None if no process has two samples.
        between: Coefficient of variation of the processes' medians. None for one process.
    """

    within: float | None
    between: float | None


def median(samples: Sequence[float]) -> float:
    """Return the median of one or more samples.

    >>> median([3, 1, 2, 10])
    2.5
    """
    return float(np.median(_array(samples)))


def p95(samples: Sequence[float]) -> float:
    """Return the 95th percentile, interpolated linearly between samples.

    >>> p95([0, 100])
    95.0
    """
    return float(np.percentile(_array(samples), 95))


def median_interval(samples: Sequence[float]) -> Ends | None:
    """Return the 95 % interval of the median between two of the samples (`median_ends`).

    Fewer than 6 samples have none.

    >>> median_interval([6, 5, 1, 2, 3, 4])
    (1.0, 6.0)
    """
    ends = median_ends(_array(samples))
    return None if ends is None else (float(ends[0]), float(ends[1]))


def mean_interval(
    samples: Sequence[float], *, bounds: Ends = (-math.inf, math.inf)
) -> MeanInterval:
    """Return the mean with its 95 % interval (`mean_ends`); fewer than 6 samples have none.

    Equal samples give an interval of width 0.

    Args:
        samples: One or more.
        bounds: The least and the greatest possible value of a sample, where the interval ends.
    """
    values = _array(samples)
    mean = float(np.mean(values))
    if values.size < MIN_SAMPLES:
        return MeanInterval(mean, None, None)
    if _are_equal(values):
        return MeanInterval(mean, mean, mean)
    low, high = mean_ends(values)
    return MeanInterval(mean, max(float(low), bounds[0]), min(float(high), bounds[1]))


def bounded_mean_interval(samples: Sequence[float], *, bounds: Ends) -> MeanInterval:
    """Return the mean with the 95 % interval of `bounded_mean_ends`; few samples have none.

    Args:
        samples: One or more, many of which can lie at a bound.
        bounds: The least and the greatest possible value of a sample.

    >>> low = bounded_mean_interval([1.0] * 6, bounds=(-1.0, 1.0)).low
    >>> low is not None and -1.0 < low < 0.5
    True
    """
    values = _array(samples)
    mean = float(np.mean(values))
    if values.size < MIN_SAMPLES:
        return MeanInterval(mean, None, None)
    low, high = bounded_mean_ends(values, bounds)
    return MeanInterval(mean, float(low), float(high))


def median_ratio(first: Sequence[float], second: Sequence[float]) -> float:
    """Return the median of ``first[i] / second[i]``.

    It is computed from logarithms, so that exchanging the two sides gives the inverse. The median
    is robust against single disturbed samples.

    Raises:
        ValueError: The sides differ in length, are empty, or hold a sample that is not positive.

    >>> median_ratio([2, 8, 4], [1, 2, 4])
    2.0
    """
    if len(first) != len(second) or any(each <= 0 for each in (*first, *second)):
        raise ValueError("expected as many positive samples on both sides")
    return 2 ** median([math.log2(a / b) for a, b in zip(first, second, strict=True)])


def process_ratio_interval(
    processes: Sequence[tuple[Sequence[float], Sequence[float]]],
) -> Interval:
    """Return the ratio of two sides that were timed in turn in each of several processes.

    The value is the median over processes of the median ratio of each; its 95 % interval is over
    processes, as that of `process_interval`: none below three.

    Args:
        processes: For each process the samples of both sides, round by round.

    Raises:
        ValueError: As of `median_ratio`.

    >>> processes = [([2, 2], [1, 1]), ([4, 4], [2, 2]), ([6, 6], [3, 3])]
    >>> found = process_ratio_interval(processes)
    >>> found.value, found.low, found.high, found.count
    (2.0, 2.0, 2.0, 3)
    """
    logs = [math.log2(median_ratio(first, second)) for first, second in processes]
    ends = process_ends(np.array(logs))
    return Interval(
        value=2 ** median(logs),
        low=None if ends is None else 2 ** float(ends[0]),
        high=None if ends is None else 2 ** float(ends[1]),
        count=len(logs),
    )


def separate_ratio_interval(
    first: Sequence[Sequence[float]], second: Sequence[Sequence[float]]
) -> Interval:
    """Return the ratio of two sides that were timed in processes of their own.

    The value is the ratio of the medians over the processes' medians; its 95 % interval
    (`separate_ratio_ends`) needs three processes of each side.

    Args:
        first: The samples of each process of the first side, all positive.
        second: Those of the second side.

    >>> found = separate_ratio_interval([[4, 4], [4], [4]], [[2], [2], [1, 2, 3]])
    >>> found.value, found.low, found.high, found.count
    (2.0, 2.0, 2.0, 3)
    """
    sides = [np.array([np.median(_array(each)) for each in side]) for side in (first, second)]
    ends = separate_ratio_ends(np.log(sides[0]), np.log(sides[1]))
    return Interval(
        value=float(np.median(sides[0]) / np.median(sides[1])),
        low=None if ends is None else float(np.exp(ends[0])),
        high=None if ends is None else float(np.exp(ends[1])),
        count=min(side.size for side in sides),
    )


def process_interval(processes: Sequence[Sequence[float]]) -> ProcessInterval:
    """Return a latency that was measured in several processes, with its 95 % interval.

    The value is the median over the processes' medians. Three to five processes have a t interval
    on the logarithms of the medians, more processes the interval of `median_interval` over them.
    Only processes are independent: more samples of a process do not make the interval narrower.

    Args:
        processes: The samples of each process, all positive; processes may differ in count.

    Raises:
        ValueError: There is no process, or one has no sample or a sample that is not positive.

    >>> found = process_interval([[1, 2, 3], [1, 2, 3], [1, 2, 3]])
    >>> found.value, found.count, found.between
    (2.0, 3, 0.0)
    """
    samples = [_array(each) for each in processes]
    if not samples or any(each.min() <= 0 for each in samples):
        raise ValueError("expected one or more processes with positive samples")
    medians = np.array([np.median(each) for each in samples])
    ends = process_ends(np.log(medians))
    varied = [_variation(each) for each in samples if each.size > 1]
    return ProcessInterval(
        value=float(np.median(medians)),
        low=None if ends is None else math.exp(ends[0]),
        high=None if ends is None else math.exp(ends[1]),
        count=len(samples),
        within=float(np.sqrt(np.mean(np.square(varied)))) if varied else None,
        between=_variation(medians) if medians.size > 1 else None,
    )


def describe_intervals(statistic: Literal["median", "mean"], samples: str) -> str:
    """Describe the intervals of a table.

    >>> describe_intervals("mean", "pairs")
    '95 % interval of the mean from 6 pairs up, none below'
    """
    return (
        f"{(1 - ERROR) * 100:.0f} % interval of the {statistic} from {MIN_SAMPLES} {samples} up, "
        "none below"
    )


def _variation(values: Samples) -> float:
    from scipy.stats import variation

    return float(variation(values, ddof=1))


def _are_equal(values: Samples) -> bool:
    """Return whether samples differ by no more than rounding."""
    return bool(np.ptp(values) <= _ROUNDING * np.abs(values).max())


def _array(samples: Sequence[float]) -> Samples:
    values = np.asarray(samples, dtype=np.float64)
    if values.ndim != 1 or values.size == 0:
        raise ValueError(f"expected one or more samples, got shape {values.shape}")
    return values
