"""The rules for verdicts, at their limits."""

import doctest

import pytest

from bench.analysis.stats import Interval
from bench.claims import verdicts
from bench.claims.verdicts import (
    RULES,
    TOLERANCE,
    judge_at_most,
    judge_direction,
    judge_fit,
    judge_rounded,
    judge_speed,
)


def interval(low, high, count=6):
    return Interval(value=(low + high) / 2, low=low, high=high, count=count)


def test_examples_in_docstrings():
    assert doctest.testmod(verdicts).failed == 0


BEYOND = "the interval reaches beyond both ends of the claim"
OUTSIDE = "outside the claim, but its interval reaches inside"


@pytest.mark.parametrize(
    ("low", "high", "verdict", "remark"),
    [
        (9.5, 10.5, "reproduced", ""),
        (11.5, 13.0, "reproduced", ""),  # its middle is within
        (7.5, 9.0, "reproduced", ""),
        (12.4, 14.0, "not comparable", f"{OUTSIDE}; measure in more processes"),
        (1.1, 8.1, "not comparable", f"{OUTSIDE}; measure in more processes"),
        (12.6, 14.0, "exceeded", "a larger speed-up than claimed"),
        (6.0, 7.9, "not reproduced", "a smaller speed-up than claimed"),
        (0.5, 0.9, "not reproduced", "a smaller speed-up than claimed (it is slower)"),
        (7.0, 13.0, "not comparable", f"{BEYOND}; measure in more processes"),
    ],
)
def test_about_ten_times(low, high, verdict, remark):
    finding = judge_speed(interval(low, high), least=10, most=10)
    assert (finding.verdict, finding.remark) == (verdict, remark)


def test_a_range_has_its_tolerance_at_both_ends():
    verdict_of = {
        value: judge_speed(interval(value, value), least=5, most=20).verdict
        for value in (3.9, 4.1, 24.9, 25.1)
    }
    assert list(verdict_of.values()) == [
        "not reproduced", "reproduced", "reproduced", "exceeded",
    ]  # fmt: skip


def test_few_processes_or_pairs_have_no_interval():
    finding = judge_speed(Interval(value=10, count=2), least=10, most=10)
    assert finding.verdict == "not comparable"
    assert "2 of at least 3" in finding.remark
    finding = judge_direction(Interval(value=1.5, count=2), higher=True)
    assert finding.verdict == "not comparable"
    assert "2 of at least 6" in finding.remark


@pytest.mark.parametrize(
    ("low", "high", "higher", "verdict", "remark"),
    [
        (-0.3, -0.1, False, "reproduced", ""),
        (0.1, 0.3, True, "reproduced", ""),
        (0.1, 0.3, False, "not reproduced", "the difference has the other sign"),
        (-0.3, -0.1, True, "not reproduced", "the difference has the other sign"),
        (-0.1, 0.2, True, "not reproduced", "no difference is shown: the interval contains zero"),
        (0.0, 0.2, True, "not reproduced", "no difference is shown: the interval contains zero"),
    ],
)
def test_directions(low, high, higher, verdict, remark):
    finding = judge_direction(interval(low, high), higher=higher)
    assert (finding.verdict, finding.remark) == (verdict, remark)


def test_counts_and_shares():
    assert judge_rounded(283_499, published=283_000, step=1_000).verdict == "reproduced"
    more = judge_rounded(283_501, published=283_000, step=1_000)
    assert (more.verdict, more.remark) == ("not reproduced", "more than claimed")
    less = judge_rounded(0.0274, published=0.028, step=0.001)
    assert (less.verdict, less.remark) == ("not reproduced", "less than claimed")
    assert judge_at_most(0.01, limit=0.01).verdict == "reproduced"
    assert judge_at_most(0.0101, limit=0.01).verdict == "not reproduced"


@pytest.mark.parametrize(
    ("device", "status", "verdict", "remark"),
    [
        ("cuda", "ok", "reproduced", ""),
        ("cuda", "oom", "not reproduced", "why"),
        ("cuda", "timeout", "not comparable", "timeout: why"),
        ("cuda", "predicted", "not comparable", "predicted: why"),
        ("cpu", "ok", "not comparable", "the claim is about a GPU"),
        ("cpu", "oom", "not comparable", "the claim is about a GPU"),
    ],
)
def test_what_fits(device, status, verdict, remark):
    finding = judge_fit(device=device, status=status, reason="why")
    assert (finding.verdict, finding.remark) == (verdict, remark)


def test_the_caption_states_the_tolerance_once():
    assert sum(f"k / {TOLERANCE:g} and {TOLERANCE:g} k" in rule for rule in RULES) == 1
