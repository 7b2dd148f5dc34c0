"""Summaries agree with their definitions and do not depend on the run."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bench.analysis.stats import (
    difference_interval,
    mean_interval,
    median,
    median_interval,
    p95,
    ratio_interval,
)

pytestmark = pytest.mark.numerics


SAMPLES = st.lists(st.integers(1, 10**12), min_size=1, max_size=12)


@settings(max_examples=25, deadline=None)
@given(SAMPLES)
def test_intervals_hold_their_value_within_the_samples(samples):
    low, high = median_interval(samples)
    assert min(samples) <= low <= median(samples) <= high <= max(samples)
    mean, low, high = mean_interval(samples)
    slack = 1e-9 * max(samples)  # a mean of equal numbers rounds
    assert min(samples) - slack <= low <= high <= max(samples) + slack
    assert mean == pytest.approx(np.mean(samples))
    assert median(samples) <= p95(samples) <= max(samples)


def test_interval_is_repeatable_and_covers_the_truth():
    samples = np.random.default_rng(3).normal(5.0, 1.0, 200).tolist()
    first = mean_interval(samples)
    assert first == mean_interval(samples)
    assert first.low < 5.0 < first.high
    # the closed formula: mean ± 1.96 · s / √n
    half = 1.96 * np.std(samples, ddof=1) / np.sqrt(200)
    assert first.high - first.low == pytest.approx(2 * half, rel=0.1)


def test_few_samples_give_their_range():
    assert median_interval([5, 1, 2, 3, 4]) == (1.0, 5.0)
    assert mean_interval([5, 1, 2, 3, 4]) == (3.0, 1.0, 5.0)
    low, high = median_interval([6, 5, 1, 2, 3, 4])
    assert (low, high) != (1.0, 6.0)


def test_single_sample_has_an_interval_of_no_width():
    interval = mean_interval([4.0])
    assert interval == (4.0, 4.0, 4.0)
    assert median_interval([7]) == (7.0, 7.0)


def test_nothing_has_no_median():
    with pytest.raises(ValueError, match="one or more"):
        median([])


@settings(max_examples=25, deadline=None)
@given(st.lists(st.tuples(st.integers(1, 10**9), st.integers(1, 10**9)), min_size=1, max_size=12))
def test_exchanging_the_sides_inverts_a_ratio(pairs):
    first, second = [a for a, _ in pairs], [b for _, b in pairs]
    there, back = ratio_interval(first, second), ratio_interval(second, first)
    ends = (1 / back.value, 1 / back.high, 1 / back.low)
    assert (there.value, there.low, there.high) == pytest.approx(ends)
    assert there.low <= there.value * (1 + 1e-9)
    assert there.value <= there.high * (1 + 1e-9)


def test_ratios_are_taken_pair_by_pair():
    # both slow down fourfold half-way; the ratio does not
    first, second = [20, 20, 20, 80, 80, 80], [10, 10, 10, 40, 40, 40]
    ratio = ratio_interval(first, second)
    assert (ratio.value, ratio.low, ratio.high, ratio.count) == (2.0, 2.0, 2.0, 6)
    assert ratio_interval([*first, 9000], [*second, 10]).value == 2.0  # one disturbed round
    assert ratio_interval([20, 30], [10, 10]).low == 2.0


@pytest.mark.parametrize("sides", [([1, 2], [1]), ([], []), ([1, 0], [1, 1])])
def test_ratios_need_positive_pairs(sides):
    with pytest.raises(ValueError, match=r"positive|one or more"):
        ratio_interval(*sides)


def test_differences_are_taken_pair_by_pair():
    first = [1.0, 5.0, 9.0, 2.0, 7.0, 4.0]
    found = difference_interval(first, [each - 0.5 for each in first])
    assert (found.value, found.low, found.high, found.count) == (0.5, 0.5, 0.5, 6)
