"""Summaries agree with their definitions and do not depend on the run."""

import doctest

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import quantile_test

from bench.analysis import intervals, stats
from bench.analysis.stats import (
    mean_interval,
    median,
    median_interval,
    median_ratio,
    p95,
    process_interval,
    process_ratio_interval,
)

pytestmark = pytest.mark.numerics


SAMPLES = st.lists(st.integers(1, 10**12), min_size=1, max_size=40)


def test_examples_in_docstrings():
    assert doctest.testmod(stats).failed == 0
    assert doctest.testmod(intervals).failed == 0


@settings(max_examples=25, deadline=None)
@given(SAMPLES)
def test_intervals_hold_their_value(samples):
    mean = mean_interval(samples)
    assert mean.mean == pytest.approx(np.mean(samples))
    assert median(samples) <= p95(samples) <= max(samples)
    if len(samples) < 6:
        assert median_interval(samples) is mean.low is mean.high is None
        return
    low, high = median_interval(samples)
    assert min(samples) <= low <= median(samples) <= high <= max(samples)
    slack = 1e-9 * max(samples)  # a mean of equal numbers rounds
    assert mean.low - slack <= mean.mean <= mean.high + slack


@settings(max_examples=25, deadline=None)
@given(st.lists(st.integers(1, 50), min_size=6, max_size=60))
def test_the_interval_of_the_median_is_that_of_scipy(samples):
    found = quantile_test(samples, p=0.5).confidence_interval(0.95)
    assert median_interval(samples) == (found.low, found.high)


def test_the_interval_of_the_mean_is_close_to_t_for_many_symmetric_samples():
    samples = np.random.default_rng(3).normal(5.0, 1.0, 200)
    low, high = mean_interval([*samples, *(10 - samples)])[1:]
    half = 1.966 * np.std([*samples, *(10 - samples)], ddof=1) / 20
    assert (low + high) / 2 == pytest.approx(5.0)
    assert half < (high - low) / 2 < 1.01 * half


def test_the_interval_of_a_mean_reaches_further_to_the_longer_tail():
    mean, low, high = mean_interval([1, 1, 2, 2, 3, 9])
    assert high - mean > 1.5 * (mean - low)
    mirrored = mean_interval([-1, -1, -2, -2, -3, -9])
    assert mirrored == pytest.approx((-mean, -high, -low))


def test_the_interval_of_a_mean_ends_at_the_bounds_of_its_samples():
    samples = [0.1, 0.2, 0.2, 0.3, 0.9, 1.0]
    low, high = mean_interval(samples)[1:]
    assert low < 0 < 1 < high
    assert mean_interval(samples, bounds=(0.0, 1.0))[1:] == (0.0, 1.0)


def test_equal_samples_have_an_interval_of_no_width():
    assert mean_interval([4.0] * 6) == (4.0, 4.0, 4.0)
    assert median_interval([7] * 6) == (7.0, 7.0)
    third = mean_interval([0.1 + 0.2, 0.3, 0.3, 0.3, 0.3, 0.3])  # they differ by rounding
    assert third.low == third.high == pytest.approx(0.3)


def test_nothing_has_no_median():
    with pytest.raises(ValueError, match="one or more"):
        median([])


@settings(max_examples=25, deadline=None)
@given(st.lists(st.tuples(st.integers(1, 10**9), st.integers(1, 10**9)), min_size=3, max_size=7))
def test_exchanging_the_sides_inverts_a_ratio(pairs):
    there = process_ratio_interval([([a], [b]) for a, b in pairs])
    back = process_ratio_interval([([b], [a]) for a, b in pairs])
    ends = (1 / back.value, 1 / back.high, 1 / back.low)
    assert (there.value, there.low, there.high) == pytest.approx(ends)


def test_ratios_are_taken_round_by_round():
    # both slow down fourfold half-way; the ratio does not
    first, second = [20, 20, 20, 80, 80, 80], [10, 10, 10, 40, 40, 40]
    assert median_ratio(first, second) == 2.0
    assert median_ratio([*first, 9000], [*second, 10]) == 2.0  # one disturbed round


def test_more_rounds_do_not_make_the_interval_of_a_ratio_narrower():
    processes = [([ratio], [1]) for ratio in (2, 4, 8)]
    found = process_ratio_interval(processes)
    assert (found.value, found.count) == (4.0, 3)
    assert found.low < 2
    assert found.high > 8
    again = process_ratio_interval([(first * 50, second * 50) for first, second in processes])
    assert again == found
    assert process_ratio_interval(processes[:2]).ends is None


@pytest.mark.parametrize("sides", [([1, 2], [1]), ([], []), ([1, 0], [1, 1])])
def test_ratios_need_positive_pairs(sides):
    with pytest.raises(ValueError, match=r"positive|one or more"):
        median_ratio(*sides)


def test_processes_count_and_not_their_samples():
    processes = [[90, 100, 110], [100, 110, 120], [110, 120, 130]]
    found = process_interval(processes)
    assert (found.value, found.count) == (110.0, 3)
    assert found.low < 100
    assert found.high > 120
    again = process_interval([each * 50 for each in processes])
    assert again.ends == found.ends
    assert found.between == pytest.approx(10 / 110)
    variations = [10 / 100, 10 / 110, 10 / 120]
    assert found.within == pytest.approx(np.sqrt(np.mean(np.square(variations))))


def test_processes_scale_with_the_unit():
    processes = [[90, 100, 110], [100, 115], [110, 120, 130], [99]]
    one = process_interval(processes)
    other = process_interval([[1e6 * each for each in samples] for samples in processes])
    assert other.ends == pytest.approx([1e6 * each for each in one.ends])
    assert (other.within, other.between) == pytest.approx((one.within, one.between))


def test_two_processes_have_no_interval_and_one_no_variation_between():
    two, one = process_interval([[5.0], [6.0]]), process_interval([[5.0]])
    assert (two.value, two.ends, two.within) == (5.5, None, None)
    assert (one.value, one.ends, one.within, one.between) == (5.0, None, None, None)
    six = process_interval([[float(each)] for each in range(1, 7)])
    assert six.ends == pytest.approx((1.0, 6.0))


@pytest.mark.parametrize("processes", [[], [[1.0], []], [[1.0, 0.0]]])
def test_processes_need_positive_samples(processes):
    with pytest.raises(ValueError, match=r"positive|one or more"):
        process_interval(processes)
