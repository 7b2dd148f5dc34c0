"""The false-alarm rate of a self-test."""

from pathlib import Path

import numpy as np
import pytest
from scipy.stats import ttest_1samp

from bench.analysis.selftest import summarize_selftest
from bench.analysis.stats import median_ratio
from bench.records.store import read_records

ROOT = Path(__file__).parents[3]


@pytest.fixture
def make_comparison(make_cost, make_pair):
    """Return the records of one comparison: three processes of A, of B, and of their ratio."""

    def make(number, *, a=(99, 100, 101), b=(99, 100, 101), ratio=(99, 100, 101), status="ok"):
        records = []
        for place in range(3):
            repeat = {"repeat": 3 * number + place, "status": status}
            records += [
                make_cost("A", latency_ns=[a[place] * 1000] * 4, **repeat),
                make_cost("B", latency_ns=[b[place] * 1000] * 4, **repeat),
                make_pair(
                    "A", "B", latency_ns=[ratio[place]] * 3, other_latency_ns=[100] * 3, **repeat
                ),
            ]
        return records

    return make


def test_disagreements_are_counted(make_comparison):
    records = [
        *make_comparison(0),
        *make_comparison(1, b=(199, 200, 201)),  # intervals far apart
        *make_comparison(2, ratio=(119, 120, 121)),
        *make_comparison(3, b=(60, 100, 140)),  # wide
    ]
    result = summarize_selftest(records, processes=3)
    assert (result.num_comparisons, result.num_missing, result.num_excluding) == (4, 1, 1)
    assert not result.passed


def test_seven_in_a_hundred_are_accepted(make_comparison):
    records = [record for number in range(29) for record in make_comparison(number)]
    odd = [make_comparison(number, ratio=(119, 120, 121)) for number in (29, 30, 31)]
    two = summarize_selftest([*records, *odd[0], *odd[1]], processes=3)
    assert (two.num_excluding, two.passed) == (2, True)
    assert not summarize_selftest([*records, *odd[0], *odd[1], *odd[2]], processes=3).passed


def test_comparisons_with_a_failure_or_a_gap_are_left_out(make_comparison):
    failed = make_comparison(1, status="timeout")
    result = summarize_selftest(
        [*make_comparison(0), *failed, *make_comparison(2)[:-1]], processes=3
    )
    assert result.num_comparisons == 1
    assert result.passed


def test_the_documentation_states_the_committed_result():
    records = read_records(ROOT / "reports" / "selftest")
    (processes,) = {record.config["processes"] for record in records}
    result = summarize_selftest(records, processes=processes)
    assert result.num_comparisons >= 40
    assert result.passed
    (machine,) = {record.case.device_name for record in records}
    assert {record.environment["neighbours"] for record in records} == {1}
    assert not any(record.dirty for record in records)
    stated = " ".join((ROOT / "docs" / "measurement.md").read_text(encoding="utf-8").split())
    assert (
        f"{result.num_comparisons} comparisons of {processes} processes each, {machine}, 2 "
        "threads, beside one endless loop: latency intervals that miss each other: "
        f"{result.num_missing}; intervals of the speed ratio that exclude 1: "
        f"{result.num_excluding}. Other programs ran for a part of the time; "
        f"{result.num_disturbed} of the {result.num_processes} processes were disturbed."
    ) in stated
    pairs = sorted((each for each in records if each.kind == "pair"), key=lambda each: each.repeat)
    ratios = [median_ratio(each.latency_ns, each.other_latency_ns) for each in pairs]
    p_values = ttest_1samp(np.log(ratios).reshape(-1, processes), 0, axis=1).pvalue
    assert f"with 96 %, as before, {(p_values < 0.04).sum()} of these intervals exclude 1" in stated
