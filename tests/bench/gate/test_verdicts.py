"""The sequential test: its errors by simulation, its verdicts by hand."""

import math
import re
from functools import cache
from pathlib import Path
from statistics import median

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.gate.rates import read_gates
from bench.gate.verdicts import LOOKS, SequentialTest, judge_exact, judge_ranges, launch_sample
from bench.records.store import read_records

MARGIN = 0.05


def decide(test, samples):
    """Return the verdict of the first look that decides."""
    for look in test.looks:
        finding = test.judge(samples[:look], margin=MARGIN)
        if finding.verdict is not None:
            return finding
    raise AssertionError("the last look has to decide")


@given(st.floats(min_value=1e-6, max_value=0.2), st.integers(min_value=4, max_value=100))
def test_the_looks_share_the_error_and_end_with_the_launches(error, launches):
    test = SequentialTest(error=error, max_launches=launches)
    assert test.looks[-1] == launches
    assert sorted(set(test.looks)) == list(test.looks)
    assert {*test.looks} <= {*LOOKS, launches}
    assert math.isclose(sum(map(test.level, test.looks)), error)


@pytest.mark.parametrize(
    ("samples", "verdict"),
    [
        ([0.2, 0.201, 0.199, 0.2], "worse"),
        ([-0.2, -0.201, -0.199, -0.2], "improved"),
        ([0.001, -0.001, 0.0, 0.0], "same or better"),
        ([0.03, 0.03, 0.03, 0.03], "same or better"),  # significant, and within the margin
        ([0.3, -0.3, 0.2, -0.1], None),
        ([0.0, 0.0, 0.0, 0.0], "same or better"),
    ],
)
def test_verdicts_of_four_launches(samples, verdict):
    test = SequentialTest(error=0.001, max_launches=24)
    assert test.judge(samples, margin=MARGIN).verdict == verdict


def test_between_two_looks_nothing_is_decided():
    test = SequentialTest(error=0.001, max_launches=24)
    assert test.judge([0.2] * 5, margin=MARGIN).verdict is None
    assert test.judge([0.2] * 6, margin=MARGIN).verdict == "worse"


def test_an_open_case_is_inconclusive_at_the_end_and_says_what_would_settle_it():
    test = SequentialTest(error=0.001, max_launches=8)
    samples = [0.12, 0.02, 0.14, 0.0, 0.12, 0.02, 0.14, 0.0]
    finding = test.judge(samples, margin=MARGIN)
    assert finding.verdict == "inconclusive"
    assert finding.needed is not None
    assert finding.needed > 8
    longer = SequentialTest(error=0.001, max_launches=finding.needed)
    again = (samples * finding.needed)[: finding.needed]
    assert longer.judge(again, margin=MARGIN).verdict in ("worse", "same or better")
    # a budget that ends early is no decision
    assert test.judge(samples[:3], margin=MARGIN, over=True).verdict == "inconclusive"
    assert test.judge(samples[:1], margin=MARGIN, over=True).verdict == "inconclusive"


@pytest.mark.parametrize("samples", [[], [math.nan], [0.1, math.inf]])
def test_samples_that_say_nothing_are_refused(samples):
    with pytest.raises(ValueError, match="finite samples"):
        SequentialTest(error=0.001, max_launches=8).judge(samples, margin=MARGIN)


@given(st.lists(st.floats(-1, 1), min_size=4, max_size=4))
def test_exchanging_the_sides_exchanges_worse_and_improved(samples):
    test = SequentialTest(error=0.01, max_launches=24)
    there, back = (
        test.judge([sign * each for each in samples], margin=MARGIN).verdict for sign in (1, -1)
    )
    assert (there == "worse") == (back == "improved")


ROOT = Path(__file__).parents[3]


@cache
def recorded_launches():
    """Return the log ratio of each launch of the recorded self-test, where the truth is 0.

    A launch timed one student under two names in turn, beside a busy neighbour. Rows are
    comparisons, whose three launches follow each other.
    """
    pairs = [each for each in read_records(ROOT / "reports" / "selftest") if each.kind == "pair"]
    ratios = [
        median(math.log(b / a) for a, b in zip(p.latency_ns, p.other_latency_ns, strict=True))
        for p in pairs
    ]
    return np.array(ratios).reshape(-1, 3)


@cache
def recorded_processes():
    """Return the log ratio of two processes of the self-test, one of each name, as above.

    They followed each other, so it has the luck of processes, and more drift than a gate has.
    Which of the two was the slower one is chance: the sign is drawn in `draw_apart`.
    """
    medians = {"A": {}, "B": {}}
    for each in read_records(ROOT / "reports" / "selftest"):
        if each.kind == "cost":
            medians[each.case.subject][each.repeat] = median(each.latency_ns)
    first, second = ([each[key] for key in sorted(each)] for each in medians.values())
    return np.log(np.array(second) / np.array(first))


@cache
def recorded_gates():
    """Return the sample of each launch of the recorded gates without a change, where it is 0."""
    cases = [
        case
        for gate in read_gates(ROOT / "reports" / "gate")
        if not gate["slow_down"]
        for case in gate["cases"]
    ]
    return np.array(
        [
            launch_sample(base, head)
            for case in cases
            for base, head in zip(case["base_samples"], case["head_samples"], strict=True)
        ]
    )


def draw(rows, rng, shape):
    """Draw launches in the blocks in which they were recorded, so that their drift stays."""
    *others, launches = shape
    drawn = rows[rng.integers(len(rows), size=(*others, -(-launches // 3)))]
    return drawn.reshape(*others, -1)[..., :launches]


def draw_apart(launches, rng, shape):
    """Draw launches one by one, with the names of their sides exchanged in half of the cases."""
    return rng.choice(launches, shape) * rng.choice([-1.0, 1.0], shape)


NOISES = {  # standard deviation of a launch: 7 %, as beside a busy neighbour
    "normal": lambda rng, shape: 0.07 * rng.standard_normal(shape),
    "heavy tails": lambda rng, shape: 0.04 * rng.standard_t(3, shape),
    "bursts": lambda rng, shape: (
        0.04 * rng.standard_normal(shape)
        + (rng.random(shape) < 0.1) * rng.choice([-1, 1], shape) * rng.exponential(0.3, shape)
    ),
    "two levels": lambda rng, shape: (  # processes of two kinds
        0.035 * rng.choice([-1.0, 1.0], shape) + 0.05 * rng.standard_normal(shape)
    ),
    "recorded": lambda rng, shape: draw(recorded_launches(), rng, shape),
    "recorded processes": lambda rng, shape: draw_apart(recorded_processes(), rng, shape),
    "recorded gates": lambda rng, shape: draw_apart(recorded_gates(), rng, shape),
}


@pytest.mark.parametrize("noise", NOISES)
def test_false_alarms_stay_below_the_stated_error(noise):
    cases, gates, error = 12, 2000, 0.01
    test = SequentialTest(error=error / cases, max_launches=24)
    samples = NOISES[noise](np.random.default_rng(0), (gates, cases, 24))
    failed = sum(
        any(decide(test, list(case)).verdict == "worse" for case in gate if suspicious(case, test))
        for gate in samples
    )
    assert failed <= error * gates


def suspicious(case, test):
    """Tell whether a mean at any look exceeds the margin; without it no verdict is *worse*."""
    return any(np.mean(case[:look]) > MARGIN for look in test.looks)


def power(noise, slow_down, launches, *, gates=300):
    """Return the share of gates that find a slow-down of one of twelve cases."""
    test = SequentialTest(error=0.01 / 12, max_launches=launches)
    samples = NOISES[noise](np.random.default_rng(1), (gates, launches)) + math.log1p(slow_down)
    return sum(decide(test, list(each)).verdict == "worse" for each in samples) / gates


@pytest.mark.parametrize("noise", ["normal", "recorded", "recorded gates"])
@pytest.mark.parametrize(("slow_down", "least"), [(0.10, 0.95), (0.30, 1.0)], ids=["10 %", "30 %"])
def test_slow_downs_are_found(noise, slow_down, least):
    assert power(noise, slow_down, 24) >= least


def test_the_power_in_the_docs_is_that_of_the_recorded_noise():
    text = (ROOT / "docs" / "gate.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| (\d+) " + r"\| (\d+) % " * 9 + r"\|$", text, re.MULTILINE)
    assert [int(row[0]) for row in rows] == [4, 6, 8, 12, 16, 24, 48]
    noises = ("recorded gates", "recorded", "recorded processes")
    cells = [(noise, change) for noise in noises for change in (0.10, 0.20, 0.30)]
    for launches, *shares in rows:
        found = [round(100 * power(noise, change, int(launches))) for noise, change in cells]
        assert found == [int(share) for share in shares], launches
    launches = (recorded_gates(), recorded_launches(), recorded_processes())
    deviations = [f"{100 * each.std(ddof=1):.1f} %" for each in launches]
    assert re.findall(r"standard deviation of\s+([\d.]+ %)", text) == deviations


def test_power_rises_with_launches():
    noise = NOISES["normal"](np.random.default_rng(2), (200, 48)) + math.log1p(0.1)
    shares = []
    for launches in (8, 16, 48):
        test = SequentialTest(error=0.01 / 12, max_launches=launches)
        verdicts = [decide(test, list(each[:launches])).verdict for each in noise]
        shares.append(verdicts.count("worse") / len(verdicts))
    assert shares == sorted(shares)
    assert shares[0] < shares[-1]


@pytest.mark.parametrize(
    ("change", "margin", "verdict"),
    [
        (0.0, 0.0, "same or better"),
        (1e-9, 0.0, "worse"),
        (-1e-9, 0.0, "improved"),
        (0.04, 0.05, "same or better"),
        (0.06, 0.05, "worse"),
    ],
)
def test_exact_quantities(change, margin, verdict):
    assert judge_exact(change, margin=margin).verdict == verdict


@pytest.mark.parametrize(
    ("base", "head", "over", "verdict"),
    [
        ([100, 101], [100, 102], False, "same or better"),
        ([100, 101], [110, 111], False, "worse"),
        ([110, 111], [100, 101], False, "improved"),
        ([100, 150], [110, 160], False, None),
        ([100, 150, 100], [110, 160, 110], True, "inconclusive"),
        ([100, 150, 100], [103, 160, 103], True, "same or better"),
    ],
)
def test_ranges(base, head, over, verdict):
    assert judge_ranges(base, head, margin=MARGIN, over=over).verdict == verdict
