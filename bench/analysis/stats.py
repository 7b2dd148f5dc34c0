"""Median, 95th percentile, mean and ratio of samples, with confidence intervals. No torch."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np

LEVEL = 0.95
RESAMPLES = 2000

MIN_SAMPLES = 6
"""The smallest number of samples that has an interval.

The range of n samples misses the median with probability 2^(1-n), which exceeds 5 % for n = 5.
"""

_SEED = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Interval:
    """A median, mean or ratio of ``count`` samples with its 95 % interval."""

    value: float
    low: float
    high: float
    count: int

    @property
    def excludes_zero(self) -> bool:
        """Whether the interval does not contain 0; False for fewer than `MIN_SAMPLES` samples."""
        return self.count >= MIN_SAMPLES and (self.low > 0.0 or self.high < 0.0)


class MeanInterval(NamedTuple):
    """A mean with its 95 % interval, in the unit of the samples."""

    mean: float
    low: float
    high: float


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


def median_interval(samples: Sequence[float]) -> tuple[float, float]:
    """Return the 95 % percentile-bootstrap interval of the median (2,000 seeded resamples).

    Fewer than 6 samples give their minimum and maximum, because resamples of so few cover less than
    95 %. Equal samples give an interval of width 0.

    >>> median_interval([3, 1, 2])
    (1.0, 3.0)
    """
    return _interval(samples, "median")


def mean_interval(samples: Sequence[float]) -> MeanInterval:
    """Return the mean with its 95 % percentile-bootstrap interval (2,000 seeded resamples).

    Fewer than 6 samples give their minimum and maximum instead.
    """
    return MeanInterval(float(np.mean(_array(samples))), *_interval(samples, "mean"))


def ratio_interval(first: Sequence[float], second: Sequence[float]) -> Interval:
    """Return the median of ``first[i] / second[i]`` with the interval of `median_interval`.

    It is computed from logarithms, so that exchanging the two sides gives the inverse. The median
    is robust against single disturbed samples.

    Raises:
        ValueError: The sides differ in length, are empty, or hold a sample that is not positive.

    >>> ratio_interval([2, 8, 4], [1, 2, 4])
    Interval(value=2.0, low=1.0, high=4.0, count=3)
    """
    if len(first) != len(second) or any(each <= 0 for each in (*first, *second)):
        raise ValueError("expected as many positive samples on both sides")
    logs = [math.log2(a / b) for a, b in zip(first, second, strict=True)]
    low, high = median_interval(logs)
    return Interval(value=2 ** median(logs), low=2**low, high=2**high, count=len(logs))


def difference_interval(first: Sequence[float], second: Sequence[float]) -> Interval:
    """Return the mean of ``first[i] - second[i]`` with the interval of `mean_interval`.

    >>> difference_interval([3.0, 5.0], [1.0, 2.0])
    Interval(value=2.5, low=2.0, high=3.0, count=2)
    """
    differences = [a - b for a, b in zip(first, second, strict=True)]
    mean, low, high = mean_interval(differences)
    return Interval(value=mean, low=low, high=high, count=len(differences))


def describe_intervals(statistic: Literal["median", "mean"], samples: str) -> str:
    """Describe the intervals of a table.

    >>> describe_intervals("mean", "pairs")
    '95 % bootstrap interval of the mean from 6 pairs up, min to max below'
    """
    return (
        f"{LEVEL * 100:.0f} % bootstrap interval of the {statistic} from {MIN_SAMPLES} {samples} "
        "up, min to max below"
    )


def _interval(
    samples: Sequence[float], statistic: Literal["median", "mean"]
) -> tuple[float, float]:
    values = _array(samples)
    function = np.median if statistic == "median" else np.mean
    if np.ptp(values) == 0:
        value = float(function(values))
        return value, value
    if values.size < MIN_SAMPLES:
        return float(values.min()), float(values.max())
    from scipy.stats import bootstrap  # slow to import

    ends = bootstrap(
        (values,),
        function,
        n_resamples=RESAMPLES,
        confidence_level=LEVEL,
        method="percentile",
        rng=np.random.default_rng(_SEED),
    ).confidence_interval
    return float(ends.low), float(ends.high)


def _array(samples: Sequence[float]) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    values = np.asarray(samples, dtype=np.float64)
    if values.ndim != 1 or values.size == 0:
        raise ValueError(f"expected one or more samples, got shape {values.shape}")
    return values
