"""The verdict of a case: a sequential test with a margin of equivalence. No torch.

A *launch* is a process of each side that measure in turn. Its sample is the logarithm of head over
base, positive where head is worse. Under the hypothesis that both sides are the same, exchanging
their names changes nothing, so samples are symmetric around 0, and heavy tails make the t test only
more careful.

The test looks at the samples after some launches and decides or goes on. The error of a gate is
shared by all its cases and all looks of each (Bonferroni), so that it bounds the probability that
even one case is called worse without being so. Early looks get little of it: they find what is
obvious, and the last look keeps its power.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean, median
from typing import Literal, get_args

import numpy as np

Verdict = Literal[
    "worse", "failed", "missing", "inconclusive", "not comparable", "improved", "same or better"
]
VERDICTS: tuple[Verdict, ...] = get_args(Verdict)
"""All verdicts, the worst first."""

REGRESSIONS: tuple[Verdict, ...] = ("worse", "failed", "missing")
"""Verdicts that fail a gate."""

LOOKS = (4, 6, 8, 12, 16, 24, 32, 48)
"""Numbers of launches after which a case is judged; the last is at most that of the gate."""

_EARLY = 2.0  # of the error, a look after the share s of the launches has spent s to this power
_SAME_ERROR = 0.05  # probability that a change as large as the margin is called same or better
_MOST_FORECAST = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What the samples of a case say.

    Attributes:
        verdict: The verdict; None while more samples could decide.
        estimate: Mean of the samples, in the unit of the margin.
        low: Lower end of the interval at the level of this look; None for fewer than 2 samples.
        high: Its upper end.
        count: Samples.
        needed: For an inconclusive case, samples that would settle it, if the next ones are like
            these; None if no number of them would.
    """

    verdict: Verdict | None
    estimate: float
    low: float | None = None
    high: float | None = None
    count: int
    needed: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SequentialTest:
    """Judges samples at the looks of a gate.

    Attributes:
        error: Probability that a case without a change is called worse, over all looks; as much
            again for improved.
        max_launches: Samples after which an open case is inconclusive.
    """

    error: float
    max_launches: int

    @property
    def looks(self) -> tuple[int, ...]:
        """Numbers of samples at which a case is judged.

        >>> SequentialTest(error=0.001, max_launches=10).looks
        (4, 6, 8, 10)
        """
        return (*(each for each in LOOKS if each < self.max_launches), self.max_launches)

    def level(self, count: int) -> float:
        """Return the error that a look spends.

        >>> test = SequentialTest(error=0.01, max_launches=8)
        >>> round(sum(map(test.level, test.looks)), 9)
        0.01
        """
        return self.error * self._share(count)

    def judge(self, samples: Sequence[float], *, margin: float, over: bool = False) -> Finding:
        """Judge the samples at a look; between two looks no case is decided.

        * *worse*: the lower end is above 0 and the mean above the margin.
        * *improved*: the same on the other side.
        * *same or better*: the upper end at the error of equivalence is below the margin.

        Args:
            samples: Positive where head is worse.
            margin: The margin of equivalence, positive.
            over: Whether no more samples come, so that an open case is inconclusive.

        Raises:
            ValueError: There is no sample, or one is not finite.
        """
        values = np.asarray(samples, dtype=np.float64)
        if not values.size or not np.isfinite(values).all():
            raise ValueError(f"expected one or more finite samples, got {samples!r:.60}")
        mean, count = float(values.mean()), values.size
        if count < 2:
            verdict: Verdict | None = "inconclusive" if over else None
            return Finding(verdict=verdict, estimate=mean, count=count)
        error = float(values.std(ddof=1)) / count**0.5
        last = over or count >= self.max_launches
        # a look that was not planned (the budget ended) may spend what the next one would
        place = min((look for look in self.looks if look >= count), default=self.max_launches)
        half = _quantile(self.level(place), count) * error
        same = _quantile(_SAME_ERROR * self._share(place), count) * error
        found: Verdict | None = None
        if count in self.looks or last:
            found = _decide(mean, half, same, margin)
            if found is None and last:
                found = "inconclusive"
        needed = None
        if found == "inconclusive":
            needed = self._forecast(mean, error * count**0.5, margin, count)
        return Finding(
            verdict=found,
            estimate=mean,
            low=mean - half,
            high=mean + half,
            count=count,
            needed=needed,
        )

    def _share(self, count: int) -> float:
        """Return the share of the error that a look spends."""
        before = max((look for look in self.looks if look < count), default=0)
        spent = (count**_EARLY - before**_EARLY) / self.max_launches**_EARLY
        return min(1.0, float(spent))

    def _forecast(self, mean: float, deviation: float, margin: float, count: int) -> int | None:
        """Return the number of samples that would decide a last look, or None."""
        number = count + 1
        while number <= _MOST_FORECAST:
            error = deviation / number**0.5
            share = SequentialTest(error=self.error, max_launches=number)._share(number)
            half = _quantile(self.error * share, number) * error
            same = _quantile(_SAME_ERROR * share, number) * error
            if _decide(mean, half, same, margin) is not None:
                return number
            number = math.ceil(number * 1.05)
        return None


def launch_sample(base: Sequence[int], head: Sequence[int]) -> float:
    """Return the sample of a launch: the median over its blocks of log(head / base).

    Args:
        base: Nanoseconds of the calls, two a block.
        head: The same of head, in the same blocks.

    >>> round(launch_sample([100, 100, 100, 100, 9, 9], [110, 110, 110, 110, 10, 10]), 4)
    0.0953
    """
    first, second = ([math.log(ns) for ns in calls] for calls in (base, head))
    places = range(0, len(first), 2)
    return median(fmean(second[n : n + 2]) - fmean(first[n : n + 2]) for n in places)


def judge_exact(change: float, *, margin: float = 0.0) -> Finding:
    """Judge a quantity without noise: a count, or a size.

    Args:
        change: Logarithm of head over base, or their difference; positive where head is worse.
        margin: Changes up to this are equivalent.

    >>> judge_exact(0.0).verdict, judge_exact(0.1).verdict, judge_exact(-0.1).verdict
    ('same or better', 'worse', 'improved')
    """
    verdict: Verdict = "same or better"
    if change > margin:
        verdict = "worse"
    elif change < -margin:
        verdict = "improved"
    return Finding(verdict=verdict, estimate=change, low=change, high=change, count=1)


def judge_ranges(
    base: Sequence[float], head: Sequence[float], *, margin: float, over: bool = False
) -> Finding:
    """Judge positive values whose noise is small and bounded: peak memory.

    A change counts if the medians differ by more than the margin and the ranges do not overlap.

    Args:
        base: Values of base, one a process.
        head: Values of head; more is worse.
        margin: Of the logarithm of head over base.
        over: Whether no more values come.

    >>> judge_ranges([100, 101], [120, 121], margin=0.05).verdict
    'worse'
    >>> judge_ranges([100, 140], [120, 121], margin=0.05) .verdict is None
    True
    """
    first, second = np.log(np.asarray(base)), np.log(np.asarray(head))
    low, high = float(second.min() - first.max()), float(second.max() - first.min())
    change = float(np.median(second) - np.median(first))
    verdict: Verdict | None = "inconclusive" if over else None
    if low > 0 and change > margin:
        verdict = "worse"
    elif high < 0 and change < -margin:
        verdict = "improved"
    elif high < margin or (over and change <= margin):
        verdict = "same or better"
    return Finding(verdict=verdict, estimate=change, low=low, high=high, count=len(base))


def _decide(mean: float, half: float, same: float, margin: float) -> Verdict | None:
    if mean > margin and mean - half > 0:
        return "worse"
    if mean < -margin and mean + half < 0:
        return "improved"
    return "same or better" if mean + same < margin else None


def _quantile(error: float, count: int) -> float:
    """Return how many standard errors the mean exceeds with a probability of ``error``."""
    from scipy.stats import t  # slow to import

    return float(t.isf(error, count - 1))
