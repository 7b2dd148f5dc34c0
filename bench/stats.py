"""Summaries of samples: median, 95th percentile, mean, and bootstrap intervals. No torch."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from scipy.stats import bootstrap

LEVEL = 0.95
RESAMPLES = 2000
_SEED = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Interval:
    """A figure with its bootstrap interval, in the unit of the samples.

    Attributes:
        value: The statistic of the samples themselves.
        low: Lower end of the 95 % interval; equals ``value`` when there is a single sample.
        high: Upper end.
        count: Number of samples.
    """

    value: float
    low: float
    high: float
    count: int


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


def median_interval(samples: Sequence[float]) -> Interval:
    """Return the median with its 95 % percentile-bootstrap interval (2,000 seeded resamples)."""
    return _interval(samples, "median")


def mean_interval(samples: Sequence[float]) -> Interval:
    """Return the mean with its 95 % percentile-bootstrap interval (2,000 seeded resamples)."""
    return _interval(samples, "mean")


def _interval(samples: Sequence[float], statistic: Literal["median", "mean"]) -> Interval:
    values = _array(samples)
    function = np.median if statistic == "median" else np.mean
    value = float(function(values))
    if values.size < 2 or np.ptp(values) == 0:
        return Interval(value=value, low=value, high=value, count=values.size)
    ends = bootstrap(
        (values,),
        function,
        n_resamples=RESAMPLES,
        confidence_level=LEVEL,
        method="percentile",
        rng=np.random.default_rng(_SEED),
    ).confidence_interval
    return Interval(value=value, low=float(ends.low), high=float(ends.high), count=values.size)


def _array(samples: Sequence[float]) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    values = np.asarray(samples, dtype=np.float64)
    if values.ndim != 1 or values.size == 0:
        raise ValueError(f"expected one or more samples, got shape {values.shape}")
    return values
