"""Summaries agree with their definitions and do not depend on the run."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bench.stats import mean_interval, median, median_interval, p95

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
