"""Median latencies of one case in two processes."""

import pytest

from bench.report.common.summary import summarize
from bench.report.overview.repeatability import process_differences, repeatability_note


@pytest.fixture
def twice(make_cost, make_stages):
    """Three subjects timed twice: 20 % and 50 % slower, and half as slow, the second time."""
    records = []
    for name, first, second in (("a", 100, 120), ("b", 100, 150), ("c", 200, 100)):
        records.append(make_cost(name, latency_ns=[first * 1_000_000] * 3))
        records.append(make_stages(name, latency_ns=[second * 1_000_000] * 3))
    return records


def test_medians_of_two_processes_are_compared(twice):
    found = process_differences(summarize(twice))
    assert found == pytest.approx({"a at HD": 1.2, "b at HD": 1.5, "c at HD": 0.5})


def test_the_note_names_the_median_and_the_worst(twice):
    note = repeatability_note(summarize(twice))
    assert "3 cases" in note
    assert "50% in the median case" in note
    assert "100% at most (c at HD)" in note


def test_few_cases_or_other_sizes_give_no_note(twice, make_stages):
    assert repeatability_note(summarize(twice[:4])) == ""
    other = [make_stages(name, resolution="4K", width=3840, height=2160) for name in "abc"]
    assert process_differences(summarize([*twice[::2], *other])) == {}
