"""Ends of 95 % intervals of many sets of samples at once, as arrays. No torch.

An interval that is labelled 95 % covers the true value in at least 93 % of cases, for skewed and
heavy-tailed samples too: `tests/bench/analysis/test_intervals_coverage.py` measures it.
"""

import numpy as np
from numpy.typing import NDArray

ERROR = 0.05
"""The stated probability that an interval misses the true value."""

MIN_PROCESSES = 3
"""The smallest number of processes that has an interval."""

_LIMIT = 100  # how much smaller than the nominal error that of an end may become
_ROUNDING = 1e-6
_PROCESS_ERROR = 0.02
"""The nominal error of t over processes. With 0.05, three evenly distributed processes would be
covered in 92.6 %, and every third self-test of 40 comparisons would have alarms in more than 7 %;
with 0.02 every twentieth has."""

Values = NDArray[np.float64]


def median_ends(values: Values) -> tuple[Values, Values] | None:
    """Return the ends of intervals of the median: two of the sorted samples.

    The count of samples below the median is binomial for every continuous distribution, so the
    coverage is at least 95 %. Fewer than 6 samples have no such interval: their range misses the
    median with probability 2^(1-n). The same interval as `scipy.stats.quantile_test` gives.

    Args:
        values: Samples, shape (..., n).

    Returns:
        Lower and upper ends, shape (...), or None for fewer than 6 samples.

    >>> low, high = median_ends(np.arange(9.0))
    >>> float(low), float(high)
    (1.0, 7.0)
    """
    from scipy.stats import binom  # slow to import

    count = values.shape[-1]
    rank = int(binom.ppf(ERROR / 2, count, 0.5))
    if rank < 1:
        return None
    ordered = np.sort(values, axis=-1)
    return ordered[..., rank - 1], ordered[..., count - rank]


def mean_ends(values: Values) -> tuple[Values, Values]:
    """Return the ends of intervals of the mean.

    Student's t interval covers too little for skewed samples, and so does BCa for few samples.
    Hall's transformation removes the skewness from t, but covers too little for heavy tails. Each
    end is the outer one of the two, and at most where t would be with a hundredth of the error. The
    nominal error is ``0.05 n / (n + 10)``, because few samples say little of their skewness. This
    factor and the limit come from simulations: coverage is 93 % at least for the distributions of
    the test, and 97 to 99 % for normal samples.

    No interval of a mean covers an outlier that is in none of the samples.

    Args:
        values: Samples, shape (..., n), n ≥ 3, not all equal.

    Returns:
        Lower and upper ends, shape (...).

    Source:
        P. Hall, On the removal of skewness by transformation, J. R. Statist. Soc. B 54 (1992), the
        cubic transformation. We depart from it: t quantiles instead of normal ones, the unbiased
        estimate of the skewness, and the bounds by t.
    """
    from scipy.stats import t

    count = values.shape[-1]
    mean, error, skewness = _moments(values)
    nominal = ERROR / _inflation(count)
    nearest, furthest = t.isf([nominal / 2, nominal / 2 / _LIMIT], count - 1)
    down = np.clip(_to_t(nearest, skewness), nearest, furthest)
    up = np.clip(-_to_t(-nearest, skewness), nearest, furthest)
    return mean - down * error, mean + up * error


def bounded_mean_ends(values: Values, bounds: tuple[float, float]) -> tuple[Values, Values]:
    """Return the ends of intervals of a mean of values that often lie at one of their bounds.

    Such samples can all be equal by chance, and their variance then says nothing. Each end is that
    of `mean_ends` after one more sample at the bound on its side, or that of Clopper and Pearson
    for the share of the range if it is nearer: no distribution within the bounds varies more than
    one that takes only the bounds.

    Args:
        values: Samples, shape (..., n), n ≥ 3, within the bounds.
        bounds: The least and the greatest possible value.

    Returns:
        Lower and upper ends within the bounds, shape (...).
    """
    from scipy.stats import beta

    count, (least, greatest) = values.shape[-1], bounds
    total = (values.mean(axis=-1) - least) / (greatest - least) * count
    with np.errstate(invalid="ignore"):  # 0 and `count` have no quantile on one side
        lower = np.nan_to_num(beta.ppf(ERROR / 2, total, count - total + 1), nan=0.0)
        upper = np.nan_to_num(beta.isf(ERROR / 2, total + 1, count - total), nan=1.0)
    nearest = (least + (greatest - least) * each for each in (lower, upper))
    found = []
    for bound, binomial, choose in zip(bounds, nearest, (np.maximum, np.minimum), strict=True):
        extended = np.concatenate([values, np.full((*values.shape[:-1], 1), bound)], axis=-1)
        varied = np.ptp(extended, axis=-1) > 0.0
        end = np.full(values.shape[:-1], float(bound))
        if varied.any():
            end[varied] = mean_ends(extended[varied])[bound == greatest]
        found.append(np.clip(choose(end, binomial), *bounds))
    return found[0], found[1]


def mean_p_values(values: Values) -> Values:
    """Return p-values of the hypothesis that the mean is 0.

    They are below 0.05 exactly where the interval of `mean_ends` excludes 0.

    Args:
        values: Samples, shape (..., n), n ≥ 3, not all equal.

    Returns:
        Values in [0, 1], shape (...).
    """
    from scipy.stats import t

    count = values.shape[-1]
    mean, error, skewness = _moments(values)
    plain = mean / error
    unskewed = np.sign(plain) * _from_t(plain, skewness)
    by_t = 2 * t.sf(np.abs(plain), count - 1)
    by_hall = 2 * t.sf(np.maximum(unskewed, 0.0), count - 1)
    p_values: Values = np.minimum(1.0, _inflation(count) * np.clip(by_hall, by_t, _LIMIT * by_t))
    return p_values


def process_ends(log_medians: Values) -> tuple[Values, Values] | None:
    """Return the ends of intervals of the logarithm of the median process.

    Three to five processes: a t interval. More: that of `median_ends`.

    Args:
        log_medians: Logarithms of the processes' medians, shape (..., processes).

    Returns:
        Lower and upper ends, shape (...), or None for fewer than 3 processes.
    """
    from scipy.stats import t

    count = log_medians.shape[-1]
    if count < MIN_PROCESSES:
        return None
    if ends := median_ends(log_medians):
        return ends
    centre = log_medians.mean(axis=-1)
    half = t.isf(_PROCESS_ERROR / 2, count - 1) * log_medians.std(axis=-1, ddof=1) / count**0.5
    return centre - half, centre + half


def separate_ratio_ends(first: Values, second: Values) -> tuple[Values, Values] | None:
    """Return the ends of intervals of the difference of two means of logarithms (Welch's t).

    Args:
        first: Logarithms of the medians of the first side's processes, shape (..., processes).
        second: Those of the second side, which may have another number of processes.

    Returns:
        Lower and upper ends, shape (...), or None if a side has fewer than 3 processes.
    """
    from scipy.stats import t

    if min(first.shape[-1], second.shape[-1]) < MIN_PROCESSES:
        return None
    difference = first.mean(axis=-1) - second.mean(axis=-1)
    parts = [side.var(axis=-1, ddof=1) / side.shape[-1] for side in (first, second)]
    total = parts[0] + parts[1]
    spread = sum(
        part**2 / (side.shape[-1] - 1) for part, side in zip(parts, (first, second), strict=True)
    )
    freedom = np.divide(total**2, spread, out=np.ones_like(total), where=spread > 0)
    half = t.isf(_PROCESS_ERROR / 2, freedom) * np.sqrt(total)
    return difference - half, difference + half


def _moments(values: Values) -> tuple[Values, Values, Values]:
    """Return means, their standard errors, and the skewnesses of the means."""
    from scipy.stats import skew

    root = values.shape[-1] ** 0.5
    error = values.std(axis=-1, ddof=1) / root
    return values.mean(axis=-1), error, skew(values, axis=-1, bias=False) / root


def _inflation(count: int) -> float:
    """Return the stated error divided by the nominal one."""
    return (count + 10) / count


def _from_t(statistic: Values, skewness: Values) -> Values:
    """Apply Hall's transformation to t statistics; it rises strictly."""
    bent = skewness * statistic**2 / 3 + skewness**2 * statistic**3 / 27
    return statistic + bent + skewness / 6


def _to_t(unskewed: float, skewness: Values) -> Values:
    """Invert `_from_t`; without skewness it is the identity."""
    known = np.where(np.abs(skewness) < _ROUNDING, _ROUNDING, skewness)
    statistic: Values = 3 / known * (np.cbrt(1 + known * (unskewed - known / 6)) - 1)
    return statistic
