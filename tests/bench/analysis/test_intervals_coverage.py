"""Coverage of each interval that a table prints, by simulation.

``python -m pytest -s tests/bench/analysis/test_intervals_coverage.py`` prints the coverages.
"""

import re
from pathlib import Path

import numpy as np
import pytest
from scipy.stats import binom, bootstrap, ttest_1samp

from bench.analysis.intervals import (
    bounded_mean_ends,
    mean_ends,
    mean_p_values,
    median_ends,
    process_ends,
    separate_ratio_ends,
)

pytestmark = pytest.mark.numerics

CLAIMED = 0.93
"""The least coverage of an interval that is called 95 %."""

FALSE_ALARM = 1e-4
"""Probability that a simulation of an interval that covers exactly CLAIMED fails the test."""

TRIALS = 10_000
COUNTS = (6, 8, 12, 30, 50)


def _mixture(share, distance):
    """Return normal samples of which a share lies ``distance`` deviations away, all on one side."""
    return lambda rng, shape: rng.normal(size=shape) + distance * (rng.random(shape) < share)


# name: sampler, mean, median
DISTRIBUTIONS = {
    "normal": (lambda rng, shape: rng.normal(size=shape), 0.0, 0.0),
    "exponential": (lambda rng, shape: rng.exponential(size=shape), 1.0, np.log(2)),
    "lognormal, σ = 0.5": (lambda rng, shape: rng.lognormal(0, 0.5, shape), np.exp(0.125), 1.0),
    "lognormal, σ = 1": (lambda rng, shape: rng.lognormal(0, 1, shape), np.exp(0.5), 1.0),
    "Student t, 3 df": (lambda rng, shape: rng.standard_t(3, shape), 0.0, 0.0),
    "uniform": (lambda rng, shape: rng.random(shape), 0.5, 0.5),
    # medians: roots of 0.9 Φ(x) + 0.1 Φ(x - 5) = 0.5 and of 0.8 Φ(x) + 0.2 Φ(x - 5) = 0.5
    "10 % outliers at 5 σ": (_mixture(0.1, 5), 0.5, 0.139710),
    "20 % outliers at 5 σ": (_mixture(0.2, 5), 1.0, 0.318638),
}

PAIRED = ("exponential", "lognormal, σ = 1", "Student t, 3 df", "20 % outliers at 5 σ")

# name: sampler of the logarithm of a process's true latency, with median 0
BETWEEN = {
    "none": lambda rng, shape: np.zeros(shape),
    "normal, 10 %": lambda rng, shape: rng.normal(0, 0.1, shape),
    "Student t, 3 df": lambda rng, shape: 0.1 * rng.standard_t(3, shape),
    "exponential": lambda rng, shape: 0.1 * (rng.exponential(size=shape) - np.log(2)),
    "uniform": lambda rng, shape: rng.uniform(-0.15, 0.15, shape),
    "one of four slower by 20 %": lambda rng, shape: 0.2 * (rng.random(shape) < 0.25),
}


def check(label, covered):
    """Print the coverage; fail if it is lower than claimed by more than chance."""
    print(f"{label:50} {covered.mean():.1%}")
    assert binom.cdf(covered.sum(), covered.size, CLAIMED) > FALSE_ALARM, label


def cover(ends, value):
    return (ends[0] <= value) & (value <= ends[1])


@pytest.fixture
def rng():
    return np.random.default_rng(20_261_128)


@pytest.mark.parametrize("name", DISTRIBUTIONS)
def test_medians(name, rng):
    sample, _, median = DISTRIBUTIONS[name]
    for count in COUNTS:
        ends = median_ends(sample(rng, (TRIALS, count)))
        check(f"median, n = {count}, {name}", cover(ends, median))


@pytest.mark.parametrize("name", DISTRIBUTIONS)
def test_means(name, rng):
    sample, mean, _ = DISTRIBUTIONS[name]
    for count in COUNTS:
        check(f"mean, n = {count}, {name}", cover(mean_ends(sample(rng, (TRIALS, count))), mean))


@pytest.mark.parametrize("name", PAIRED)
def test_paired_differences(name, rng):
    # image pairs differ more than subjects; p-values are uniform or larger where there is none
    sample, mean, _ = DISTRIBUTIONS[name]
    for count in COUNTS:
        pair = 3 * rng.exponential(size=(TRIALS, count))
        differences = (pair + sample(rng, pair.shape)) - pair
        ends = mean_ends(differences)
        check(f"paired difference, n = {count}, {name}", cover(ends, mean))
        check(f"p-value, n = {count}, {name}", mean_p_values(differences - mean) >= 0.05)
        shows = (ends[0] > 0) | (ends[1] < 0)
        np.testing.assert_array_equal(mean_p_values(differences) < 0.05, shows)


@pytest.mark.parametrize("name", BETWEEN)
def test_speed_ratios(name, rng):
    # both sides share the state of the machine; the ratio varies by 5 % from round to round
    for count in (3, 4, 5, 8):
        for rounds in (1, 3, 6):
            noise = 0.05 * rng.standard_t(3, (TRIALS, count, rounds))
            logs = BETWEEN[name](rng, (TRIALS, count)) + np.median(noise, axis=-1)
            label = f"speed ratio, {count} processes of {rounds} rounds, {name}"
            check(label, cover(process_ends(logs), 0.0))


@pytest.fixture(scope="module")
def median_call():
    """Return the median of the logarithm of the median of nine calls."""
    calls = 1 + 0.1 * np.random.default_rng(1).exponential(size=(100_000, 9))
    return np.median(np.log(np.median(calls, axis=-1)))


@pytest.mark.parametrize("name", BETWEEN)
def test_latencies_of_several_processes(name, rng, median_call):
    for count in (3, 4, 5, 8):
        calls = 1 + 0.1 * rng.exponential(size=(TRIALS, count, 9))
        logs = BETWEEN[name](rng, (TRIALS, count)) + np.log(np.median(calls, axis=-1))
        check(f"{count} processes, {name}", cover(process_ends(logs), median_call))


def test_where_coverage_is_lower_the_docs_say_so(rng, median_call):
    draw = {
        "5 % outliers at 10 σ, n = 12": (_mixture(0.05, 10), 12, 0.5),
        "5 % outliers at 10 σ, n = 30": (_mixture(0.05, 10), 30, 0.5),
        "lognormal, σ = 1.25, n = 6": (
            lambda rng, shape: rng.lognormal(0, 1.25, shape), 6, np.exp(1.25**2 / 2),
        ),
        "gamma, shape 0.3, n = 6": (lambda rng, shape: rng.gamma(0.3, size=shape), 6, 0.3),
    }  # fmt: skip
    found = {
        name: cover(mean_ends(sample(rng, (TRIALS, count))), mean)
        for name, (sample, count, mean) in draw.items()
    }
    calls = 1 + 0.1 * rng.exponential(size=(TRIALS, 3, 9))
    logs = 0.2 * rng.integers(0, 2, (TRIALS, 3)) + np.log(np.median(calls, axis=-1))
    found["3 processes, two equally likely levels"] = cover(process_ends(logs), median_call + 0.1)
    text = (Path(__file__).parents[3] / "docs" / "measurement.md").read_text(encoding="utf-8")
    stated = dict(re.findall(r"^ +\| ([^|]+) \| ([0-9]+) % \|$", text, re.MULTILINE))
    assert set(stated) == set(found)
    for name, covered in found.items():
        print(f"{name:50} {covered.mean():.1%}")
    assert all(
        abs(100 * covered.mean() - int(stated[name])) <= 1 for name, covered in found.items()
    )


@pytest.mark.parametrize("name", BETWEEN)
def test_ratios_of_separate_processes(name, rng):
    for count, other in ((3, 3), (5, 5), (3, 5)):
        sides = [
            BETWEEN[name](rng, (TRIALS, number))
            + np.log(np.median(1 + 0.1 * rng.exponential(size=(TRIALS, number, calls)), axis=-1))
            for number, calls in ((count, 3), (other, 3))
        ]
        check(f"separate {count} and {other}, {name}", cover(separate_ratio_ends(*sides), 0.0))


@pytest.mark.parametrize("subjects", [3, 4, 8])
@pytest.mark.parametrize("swaps", [0.005, 0.02, 0.1, 0.5])
def test_means_of_rank_correlations(subjects, swaps, rng):
    # each two subjects change order with the same probability: tau is a mean of signs
    pairs = subjects * (subjects - 1) // 2
    for count in (6, 30, 50):
        signs = np.where(rng.random((TRIALS, count, pairs)) < swaps, -1.0, 1.0)
        ends = bounded_mean_ends(signs.mean(axis=-1), (-1.0, 1.0))
        label = f"tau of {subjects} subjects, n = {count}, {swaps:.1%} swapped"
        check(label, cover(ends, 1 - 2 * swaps))


def percentile_bootstrap(statistic, values, rng):
    """The intervals of releases up to 0.2."""
    trials, count = values.shape
    drawn = rng.integers(0, count, (300, 1, count))
    resamples = values[np.arange(trials)[:, None], drawn]
    return np.percentile(statistic(resamples, axis=-1), [2.5, 97.5], axis=0)


def hierarchical_bootstrap(calls, rng):
    """Draw processes, then calls of each, with replacement; the geometric mean of the medians."""
    trials, count, size = calls.shape
    process = rng.integers(0, count, (200, 1, count, 1))
    call = rng.integers(0, size, (200, 1, count, size))
    resamples = calls[np.arange(trials)[:, None, None], process, call]
    means = np.log(np.median(resamples, axis=-1)).mean(axis=-1)
    return np.percentile(means, [2.5, 97.5], axis=0)


def test_percentile_bootstraps_would_fail(rng):
    values = rng.exponential(size=(2000, 7))
    ends = percentile_bootstrap(np.median, values, rng)
    with pytest.raises(AssertionError, match="bootstrap of the median"):
        check("percentile bootstrap of the median, n = 7", cover(ends, np.log(2)))
    ends = percentile_bootstrap(np.mean, values[:, :6], rng)
    with pytest.raises(AssertionError, match="bootstrap of the mean"):
        check("percentile bootstrap of the mean, n = 6", cover(ends, 1.0))


@pytest.mark.parametrize("name", ["exponential", "lognormal, σ = 1"])
def test_student_t_and_bca_would_fail(name, rng):
    sample, mean, _ = DISTRIBUTIONS[name]
    values = sample(rng, (2000, 6))
    covered = cover(ttest_1samp(values, 0.0, axis=-1).confidence_interval(0.95), mean)
    with pytest.raises(AssertionError, match="Student t"):
        check(f"Student t, n = 6, {name}", covered)
    bca = bootstrap((values,), np.mean, axis=-1, n_resamples=299, method="BCa", rng=rng)
    covered = cover(bca.confidence_interval, mean)
    with pytest.raises(AssertionError, match="BCa"):
        check(f"BCa, n = 6, {name}", covered)


def test_a_hierarchical_bootstrap_of_processes_would_fail(rng, median_call):
    states = BETWEEN["normal, 10 %"](rng, (1000, 3, 1))
    calls = np.exp(states) * (1 + 0.1 * rng.exponential(size=(1000, 3, 9)))
    covered = cover(hierarchical_bootstrap(calls, rng), median_call)
    with pytest.raises(AssertionError, match="hierarchical"):
        check("hierarchical bootstrap, 3 processes", covered)
