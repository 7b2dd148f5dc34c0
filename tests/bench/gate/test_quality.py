"""Paired differences of a quality metric, judged."""

import math
import re
from pathlib import Path

import numpy as np
import pytest

from bench.gate.cases import GateCase
from bench.gate.quality import _judge_differences, judge_metric

ROOT = Path(__file__).parents[3]

CASE = GateCase(kind="quality", subject="a", quantity="gmsd", margin=0.01)


def judge(*differences, case=CASE):
    name = case.quantity
    compared = [{"base": {name: 0.5}, "head": {name: 0.5 + each}} for each in differences]
    return judge_metric(case, compared, reason="outputs differ")


@pytest.mark.parametrize(
    ("differences", "verdict"),
    [
        ((0.02, 0.03, 0.025, 0.02, 0.02, 0.03), "worse"),
        ((-0.02, -0.03, -0.025, -0.02, -0.02, -0.03), "improved"),
        ((0.009,) * 6, "same or better"),
        ((-0.05, 0.001, 0.001, 0.001, 0.001, 0.001), "same or better"),
        ((0.2, -0.1, 0.1, -0.1, 0.1, -0.1), "inconclusive"),
    ],
)
def test_the_mean_difference_is_held_against_the_margin_and_its_interval(differences, verdict):
    assert judge(*differences).verdict == verdict


def test_higher_is_better_turns_the_sign():
    case = GateCase(kind="quality", subject="a", quantity="ssim", margin=0.01)
    differences = (0.02, 0.03, 0.025, 0.02, 0.03, 0.025)
    assert judge(*differences, case=case).verdict == "improved"
    assert judge(*(-each for each in differences), case=case).verdict == "worse"


def test_an_inconclusive_metric_says_how_many_image_pairs_would_settle_it():
    differences = (0.2, -0.1, 0.1, -0.1, 0.1, -0.1)
    result = judge(*differences)
    needed = result.finding.needed
    assert result.reason == (
        f"outputs differ; about {needed - 6} more image pairs would settle it (pairs)"
    )
    # as many image pairs with the same mean and deviation do settle it, one fewer do not
    mean = sum(differences) / 6
    deviation = math.sqrt(sum((each - mean) ** 2 for each in differences) / 5)
    verdicts = []
    for count in (needed - 1, needed):
        signs = [(-1) ** n for n in range(count - count % 2)] + [0] * (count % 2)
        scale = deviation / math.sqrt(sum(map(abs, signs)) / (count - 1))
        verdicts.append(judge(*(mean + scale * sign for sign in signs)).verdict)
    assert verdicts == ["inconclusive", "worse"]


def test_fewer_than_six_image_pairs_have_no_interval():
    result = judge(0.5)
    assert result.verdict == "inconclusive"
    assert result.reason.endswith("at least 6 image pairs are needed (pairs)")
    result = judge(0.5, 0.6, 0.5, 0.6, 0.5)
    assert (result.verdict, result.finding.low) == ("inconclusive", None)
    assert result.reason.endswith("about 1 more image pairs would settle it (pairs)")


def test_differences_that_no_number_of_image_pairs_settles_are_named():
    result = judge(100.0, -100.0, 100.0, -100.0, 100.0, -99.9)
    assert (result.verdict, result.finding.needed) == ("inconclusive", None)
    assert result.reason.endswith("more image pairs that vary as much would not settle it")


def test_the_docs_state_what_the_interval_covers():
    rng = np.random.default_rng(0)
    right = rng.exponential(size=(4000, 50)) - 1
    samples = [rng.normal(size=(4000, 6))]
    samples += [sign * right[:, :count] for count in (6, 50) for sign in (-1, 1)]
    covered = [
        100 * np.mean([_judge_differences(each, 1.0).low <= 0 for each in values])
        for values in samples
    ]
    text = " ".join((ROOT / "docs" / "gate.md").read_text(encoding="utf-8").split())
    stated = re.search(
        r"it covers (\d+) % of normal differences; with 6 pairs (\d+) % of exponential ones with "
        r"their tail on the side of better, (\d+) % with it on the other, and with 50 pairs "
        r"(\d+) % and (\d+) %",
        text,
    )
    assert stated is not None
    assert [float(each) for each in stated.groups()] == pytest.approx(covered, abs=1)


def test_image_pairs_with_equal_outputs_count_as_no_difference():
    compared = [{"base": {"gmsd": 0.5}, "head": {"gmsd": 0.53}}] * 3 + [{"head": {}}] * 3
    assert judge_metric(CASE, compared, reason="").finding.estimate == pytest.approx(0.015)
