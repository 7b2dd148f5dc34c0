"""A search for the largest scale that fits into a memory, with few trials. No torch, no processes.

Memory is nearly affine in the number of pixels, which is the square of the scale. The first trials
use the limit that this law predicts. Then the search bisects, so that it ends under any law.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

MAX_TRIALS = 24
"""More than any search with consistent trials takes; see the tests."""

_PREDICTED_TRIALS = 6  # with the first one; later trials bisect
_APART = 0.8  # two scales give a slope if the smaller one is at most this share of the larger
_TRUSTED_TRIALS = 3  # each later trial that contradicts the prediction lengthens the step
_LONGER = 4
_WORTH = 1.25  # under a time limit, a scale is tried only if it is this many times as large

Verdict: TypeAlias = Literal["fits", "too_large", "timeout", "machine", "error"]
End: TypeAlias = Literal["memory", "size", "time", "trials", "timeout", "machine", "error"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """The result of one scale.

    Attributes:
        verdict: ``fits`` or ``too_large``. Anything else ends the search and says nothing about
            the given memory: ``timeout``, ``machine`` (its memory ran out), ``error``.
        peak_bytes: The peak memory, if known.
        seconds: How long it took, if it fits.
        reason: Why it does not fit or failed.
    """

    verdict: Verdict
    peak_bytes: int | None = None
    seconds: float | None = None
    reason: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """Limits of a search.

    Attributes:
        smallest: The first scale to try; if it is too large, nothing fits.
        largest: The largest scale to try.
        memory_bytes: The given memory.
        seconds: The most time of a trial; scales that would take longer are not tried.
        tolerance: The search ends when the smallest scale that is too large exceeds the largest
            that fits by at most this share of it, or by one.
    """

    smallest: int
    largest: int
    memory_bytes: int
    seconds: float
    tolerance: float = 0.02


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """The result of a search.

    Attributes:
        largest: The largest scale that fits; None if not even the smallest does.
        too_large: The smallest scale that is too large, if any was.
        end: Why the search ended: ``memory`` (the limit is found, to the tolerance), ``size``
            (the largest scale to try fits), ``time`` (larger ones would take too long), ``trials``
            (`MAX_TRIALS` were made), or the verdict of the trial that failed.
        trials: Scales and their results, in the order of the search.
    """

    largest: int | None
    too_large: int | None
    end: End
    trials: tuple[tuple[int, Trial], ...]


def find_largest(probe: Callable[[int], Trial], bounds: Bounds) -> Found:
    """Find the largest scale that fits.

    Each scale lies strictly between the largest that fits and the smallest that is too large, so
    that every search ends.

    Args:
        probe: Tries a scale.
        bounds: Limits of the search.
    """
    search = _Search(bounds=bounds)
    scale = bounds.smallest
    while True:
        search.add(scale, probe(scale))
        end = search.end()
        following = search.next_scale() if end is None else None
        if following is None:
            return Found(
                largest=search.low,
                too_large=search.high,
                end=end or "time",
                trials=tuple(search.trials),
            )
        scale = following


@dataclass(slots=True, kw_only=True)
class _Search:
    """The trials so far; ``low`` is the largest that fits, ``high`` the smallest too large one."""

    bounds: Bounds
    trials: list[tuple[int, Trial]] = field(default_factory=list)
    low: int | None = None
    high: int | None = None

    def add(self, scale: int, trial: Trial) -> None:
        self.trials.append((scale, trial))
        if trial.verdict == "fits":
            self.low = scale
        elif trial.verdict == "too_large":
            self.high = scale

    def end(self) -> End | None:
        """Return why the search ends here, or None; `next_scale` checks the time."""
        last = self.trials[-1][1].verdict
        if last != "fits" and last != "too_large":
            return last
        if self.low is None or (
            self.high is not None and self.high - self.low <= self._step(self.low)
        ):
            return "memory"
        if self.low >= self.bounds.largest:
            return "size"
        return "trials" if len(self.trials) >= MAX_TRIALS else None

    def next_scale(self) -> int | None:
        """Return the scale to try next, or None if every worthwhile one takes too long."""
        low = self.low or self.bounds.smallest
        wanted = self._wanted(low)
        points = [(scale, each.seconds) for scale, each in self.trials if each.seconds]
        reach = _invert(points, self.bounds.seconds)
        if reach is None or wanted <= reach:
            return wanted
        return math.floor(reach) if reach >= max(low + 1, _WORTH * low) else None

    def _step(self, scale: int) -> int:
        return max(1, int(self.bounds.tolerance * scale))

    def _wanted(self, low: int) -> int:
        """Return the most informative scale: near the predicted limit, or between both bounds.

        It is at least one step from either bound, which is enough to end the search. If the
        prediction lies beyond a bound, the distance grows with the number of trials.
        """
        points = [(scale, each.peak_bytes) for scale, each in self.trials if each.peak_bytes]
        guess = _invert(points, self.bounds.memory_bytes)
        longer: int = _LONGER ** max(0, len(self.trials) - _TRUSTED_TRIALS)
        if self.high is None:
            leap = low + longer * self._step(low)
            return min(self.bounds.largest, leap if guess is None else max(leap, int(guess)))
        if guess is None or len(self.trials) >= _PREDICTED_TRIALS:
            return max(math.isqrt(low * self.high), low + 1)  # geometric, as the tolerance is
        drop = self._step(self.high) * (longer if guess >= self.high else 1)
        inside = max(min(int(guess), self.high - drop), low + self._step(low))
        return min(inside, self.high - 1)


def _invert(points: Sequence[tuple[int, float]], target: float) -> float | None:
    """Return the scale at which a quantity that is affine in the scale's square has a value.

    The law goes through the largest scale and the next one well below it. With one point alone the
    quantity is assumed to be proportional, which gives too small a scale.

    Returns:
        The scale, or None without points or if the quantity does not grow.
    """
    if not points:
        return None
    scale, value = max(points)
    square = float(scale**2)
    below = [point for point in points if point[0] <= _APART * scale]
    if not below:
        return math.sqrt(square * target / value)
    other_scale, other_value = max(below)
    slope = (value - other_value) / (square - other_scale**2)
    if slope <= 0:
        return None
    return math.sqrt(max(0.0, square + (target - value) / slope))
