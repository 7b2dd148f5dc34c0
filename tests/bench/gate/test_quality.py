"""Paired differences of a quality metric, judged."""

import math

import pytest

from bench.gate.cases import GateCase
from bench.gate.quality import judge_metric

CASE = GateCase(kind="quality", subject="a", quantity="gmsd", margin=0.01)


def judge(*differences, case=CASE):
    name = case.quantity
    compared = [{"base": {name: 0.5}, "head": {name: 0.5 + each}} for each in differences]
    return judge_metric(case, compared, reason="outputs differ")


@pytest.mark.parametrize(
    ("differences", "verdict"),
    [
        ((0.02, 0.03, 0.025, 0.02), "worse"),
        ((-0.02, -0.03, -0.025, -0.02), "improved"),
        ((0.009, 0.009, 0.009), "same or better"),
        ((-0.05, 0.001, 0.001), "same or better"),
        ((0.2, -0.1, 0.1, -0.1), "inconclusive"),
    ],
)
def test_the_mean_difference_is_held_against_the_margin_and_its_interval(differences, verdict):
    assert judge(*differences).verdict == verdict


def test_higher_is_better_turns_the_sign():
    case = GateCase(kind="quality", subject="a", quantity="ssim", margin=0.01)
    assert judge(0.02, 0.03, 0.025, case=case).verdict == "improved"
    assert judge(-0.02, -0.03, -0.025, case=case).verdict == "worse"


def test_an_inconclusive_metric_says_how_many_image_pairs_would_settle_it():
    differences = (0.2, -0.1, 0.1, -0.1)
    result = judge(*differences)
    needed = result.finding.needed
    assert result.reason == (
        f"outputs differ; about {needed - 4} more image pairs would settle it (pairs)"
    )
    # as many image pairs with the same mean and deviation do settle it, one fewer do not
    mean = sum(differences) / 4
    deviation = math.sqrt(sum((each - mean) ** 2 for each in differences) / 3)
    verdicts = []
    for count in (needed - 1, needed):
        signs = [(-1) ** n for n in range(count - count % 2)] + [0] * (count % 2)
        scale = deviation / math.sqrt(sum(map(abs, signs)) / (count - 1))
        verdicts.append(judge(*(mean + scale * sign for sign in signs)).verdict)
    assert verdicts == ["inconclusive", "worse"]


def test_one_image_pair_is_too_few():
    result = judge(0.5)
    assert result.verdict == "inconclusive"
    assert result.reason.endswith("at least 3 image pairs are needed (pairs)")
    assert judge(0.5, 0.6).reason.endswith("about 1 more image pairs would settle it (pairs)")


def test_image_pairs_with_equal_outputs_count_as_no_difference():
    compared = [{"base": {"gmsd": 0.5}, "head": {"gmsd": 0.53}}] * 3 + [{"head": {}}] * 3
    assert judge_metric(CASE, compared, reason="").finding.estimate == pytest.approx(0.015)
