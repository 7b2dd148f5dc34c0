"""When a claim counts as reproduced: one rule for each kind of claim, the same for every row."""

from dataclasses import dataclass
from typing import Literal

from bench.analysis.stats import MIN_SAMPLES, Interval

Verdict = Literal["reproduced", "not reproduced", "not comparable"]

TOLERANCE = 1.25
"""How far a ratio may be from "about k×".

The paper gives a digit or two and says "about": such a figure is known to a quarter at best (10
stands for 8 to 12.5).
"""

RULES = (
    "A **count or share** is *reproduced* if the exact figure rounds to the published one at the "
    "published digits, or is not above it where the paper says *at most*.",
    f"A **speed-up** of about k× is *reproduced* if the paired ratio lies within k / {TOLERANCE:g} "
    f"to {TOLERANCE:g} k (the paper gives a digit or two and says *about*); one of a to b× if "
    f"every ratio lies within a / {TOLERANCE:g} to {TOLERANCE:g} b. A ratio whose whole interval "
    "lies outside is *not reproduced*, and the row says whether more or less than claimed. One "
    "that lies outside with an interval that does not, or within with one that reaches beyond both "
    f"ends, is *not comparable*, and so are fewer than {MIN_SAMPLES} rounds. The "
    "ratio of two subjects on one device is judged on whatever device it was taken, which the row "
    "names; only of a GPU is it the paper's own quantity.",
    "A **direction** is *reproduced* if the interval of the mean difference, student minus other "
    "model and taken pair by pair, lies on the claimed side of zero, and *not reproduced* if it "
    "holds zero or lies on the other side; fewer than "
    f"{MIN_SAMPLES} common pairs are *not comparable*.",
    "**8K on one GPU** is *reproduced* if the case ended well on a GPU, *not reproduced* if it ran "
    "out of memory there, and *not comparable* otherwise: what a CPU's process takes says nothing "
    "of it.",
    "All intervals are at 95 %. What has no record is *not comparable*.",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """A verdict and what a reader must know beside it."""

    verdict: Verdict
    remark: str = ""


def judge_rounded(value: float, *, published: float, step: float) -> Finding:
    """Judge an exact figure against one that was published rounded to multiples of ``step``.

    >>> judge_rounded(283_236, published=283_000, step=1_000).verdict
    'reproduced'
    """
    if abs(value - published) <= step / 2:
        return Finding(verdict="reproduced")
    more = value > published
    return Finding(verdict="not reproduced", remark=f"{'more' if more else 'less'} than claimed")


def judge_at_most(value: float, *, limit: float) -> Finding:
    """Judge an exact figure against a published limit.

    >>> judge_at_most(0.0072, limit=0.01).verdict
    'reproduced'
    """
    if value <= limit:
        return Finding(verdict="reproduced")
    return Finding(verdict="not reproduced", remark="more than claimed")


def judge_speed(ratio: Interval, *, least: float, most: float) -> Finding:
    """Judge a paired ratio against a published range of speed-ups (one figure: a range of one)."""
    low, high = least / TOLERANCE, most * TOLERANCE
    if ratio.count < MIN_SAMPLES:
        rounds = f"{ratio.count} of at least {MIN_SAMPLES} rounds"
        return Finding(verdict="not comparable", remark=f"too few rounds for an interval: {rounds}")
    if ratio.low < low and ratio.high > high:
        return Finding(
            verdict="not comparable",
            remark="the interval reaches beyond both ends; measure more rounds",
        )
    if ratio.low > high:
        return Finding(verdict="not reproduced", remark="a larger speed-up than claimed")
    if ratio.high < low:
        slower = " (slower, in fact)" if ratio.high < 1 else ""
        return Finding(verdict="not reproduced", remark=f"a smaller speed-up than claimed{slower}")
    if not low <= ratio.value <= high:
        return Finding(
            verdict="not comparable",
            remark="outside what is claimed, and its interval is not; measure more rounds",
        )
    return Finding(verdict="reproduced")


def judge_direction(difference: Interval, *, higher: bool) -> Finding:
    """Judge the mean difference of student − peer against the claimed sign."""
    if difference.count < MIN_SAMPLES:
        pairs = f"{difference.count} of at least {MIN_SAMPLES} common pairs"
        return Finding(verdict="not comparable", remark=f"too few pairs for an interval: {pairs}")
    if difference.low <= 0 <= difference.high:
        return Finding(
            verdict="not reproduced", remark="no difference is shown: the interval holds zero"
        )
    if (difference.low > 0) == higher:
        return Finding(verdict="reproduced")
    return Finding(verdict="not reproduced", remark="the other way round")


def judge_fit(*, device: str, status: str, reason: str | None) -> Finding:
    """Judge whether a case at 8K fits one GPU, from how it ended and where."""
    if device == "cpu":
        return Finding(verdict="not comparable", remark="the claim is of a GPU")
    if status == "ok":
        return Finding(verdict="reproduced")
    if status == "oom":
        return Finding(verdict="not reproduced", remark=reason or "out of memory")
    return Finding(verdict="not comparable", remark=f"{status}: {reason or 'no reason recorded'}")
