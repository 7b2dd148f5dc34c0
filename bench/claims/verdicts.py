"""The rules for verdicts: one rule for each kind of claim."""

from dataclasses import dataclass
from typing import Literal

from bench.analysis.intervals import MIN_PROCESSES
from bench.analysis.stats import MIN_SAMPLES, Interval

Verdict = Literal["reproduced", "exceeded", "not reproduced", "not comparable"]

TOLERANCE = 1.25
"""Tolerance of "about k×", as a factor.

The paper gives one or two digits and says "about". Such a figure is known to a quarter at best: 10
means 8 to 12.5.
"""

RULES = (
    "A **count or share** is *reproduced* if the exact figure, rounded to the published digits, is "
    "the published one, or if it is not greater where the paper says *at most*.",
    f"A **speed-up** of about k× is *reproduced* if the speed ratio lies between k / {TOLERANCE:g} "
    f"and {TOLERANCE:g} k; the paper gives one or two digits and says *about*. A speed-up of a to "
    f"b× is *reproduced* if each ratio lies between a / {TOLERANCE:g} and {TOLERANCE:g} b. It is "
    "*exceeded* if the whole interval of a ratio lies above and no ratio falls short, and *not "
    "reproduced* if the whole interval of a ratio lies below. It is *not comparable* if only the "
    "ratio lies outside and its interval reaches inside, if the interval reaches beyond both ends, "
    f"or if there are fewer than {MIN_PROCESSES} processes. The ratio is "
    "judged on each device where it was measured; only on a GPU is it the quantity of the paper.",
    "A **direction** is *reproduced* if the interval of the mean difference, student minus other "
    "model over their common image pairs, lies on the claimed side of zero. It is *not reproduced* "
    "if the interval contains zero or lies on the other side. Fewer than "
    f"{MIN_SAMPLES} common image pairs are *not comparable*.",
    "**8K on one GPU** is *reproduced* if the case completed on a GPU, *not reproduced* if it ran "
    "out of memory there, and otherwise *not comparable*: the memory of a process on a CPU does "
    "not show what a GPU needs.",
    "All intervals are at 95 %. A claim without a record is *not comparable*.",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """A verdict and its reason."""

    verdict: Verdict
    remark: str = ""


def judge_rounded(value: float, *, published: float, step: float) -> Finding:
    """Judge an exact figure against a published one that is rounded to multiples of ``step``.

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
    """Judge a speed ratio against a published range; a single figure has ``least == most``."""
    low, high = least / TOLERANCE, most * TOLERANCE
    if ratio.ends is None:
        few = f"{ratio.count} of at least {MIN_PROCESSES}"
        return Finding(verdict="not comparable", remark=f"too few processes for an interval: {few}")
    smallest, largest = ratio.ends
    if smallest < low and largest > high:
        return Finding(
            verdict="not comparable",
            remark="the interval reaches beyond both ends of the claim; measure in more processes",
        )
    if smallest > high:
        return Finding(verdict="exceeded", remark="a larger speed-up than claimed")
    if largest < low:
        slower = " (it is slower)" if largest < 1 else ""
        return Finding(verdict="not reproduced", remark=f"a smaller speed-up than claimed{slower}")
    if not low <= ratio.value <= high:
        return Finding(
            verdict="not comparable",
            remark="outside the claim, but its interval reaches inside; measure in more processes",
        )
    return Finding(verdict="reproduced")


def judge_direction(difference: Interval, *, higher: bool) -> Finding:
    """Judge the mean difference of student − peer against the claimed sign."""
    if difference.ends is None:
        pairs = f"{difference.count} of at least {MIN_SAMPLES}"
        return Finding(
            verdict="not comparable", remark=f"too few common image pairs for an interval: {pairs}"
        )
    low, high = difference.ends
    if low <= 0 <= high:
        return Finding(
            verdict="not reproduced", remark="no difference is shown: the interval contains zero"
        )
    if (low > 0) == higher:
        return Finding(verdict="reproduced")
    return Finding(verdict="not reproduced", remark="the difference has the other sign")


def judge_fit(*, device: str, status: str, reason: str | None) -> Finding:
    """Judge whether a case at 8K fits one GPU, from its status and device."""
    if device == "cpu":
        return Finding(verdict="not comparable", remark="the claim is about a GPU")
    if status == "ok":
        return Finding(verdict="reproduced")
    if status == "oom":
        return Finding(verdict="not reproduced", remark=reason or "out of memory")
    return Finding(verdict="not comparable", remark=f"{status}: {reason or 'no reason recorded'}")
