"""Exact comparison of counts: same, different, missing on either side."""

import pytest

from bench.records.compare import QUANTITIES, CostKey, Counts, compare_counts, recorded_counts

KEY = CostKey(subject="vgg16", transform="zca", width=1280, height=720)
COUNTS = Counts(num_params=1, num_eigenbasis_params=2, macs_content=3, macs_total=4)


def changed(**counts):
    return Counts(**{name: getattr(COUNTS, name) for name in QUANTITIES} | counts)


def test_equal_counts_are_the_same():
    (comparison,) = compare_counts({KEY: COUNTS}, {KEY: COUNTS})
    assert comparison.verdict == "same"


@pytest.mark.parametrize("name", QUANTITIES)
def test_any_changed_count_is_different(name):
    (comparison,) = compare_counts({KEY: COUNTS}, {KEY: changed(**{name: 99})})
    assert comparison.verdict == "different"
    assert [each for each in QUANTITIES if comparison.verdict_of(each) == "different"] == [name]


def test_all_counts_changed_is_different():
    other = Counts(num_params=9, num_eigenbasis_params=9, macs_content=9, macs_total=9)
    assert compare_counts({KEY: COUNTS}, {KEY: other})[0].verdict == "different"


@pytest.mark.parametrize("name", QUANTITIES)
def test_a_count_that_was_not_recorded_is_missing(name):
    (comparison,) = compare_counts({KEY: changed(**{name: None})}, {KEY: COUNTS})
    assert comparison.verdict == "missing"


def test_a_case_on_one_side_only_is_missing():
    assert compare_counts({KEY: COUNTS}, {})[0].verdict == "missing"
    assert compare_counts({}, {KEY: COUNTS})[0].verdict == "missing"


def test_zero_is_a_count():
    zero = Counts(num_params=0, num_eigenbasis_params=0, macs_content=0, macs_total=0)
    assert compare_counts({KEY: zero}, {KEY: zero})[0].verdict == "same"


def test_counts_of_records(make_cost, make_quality):
    old, new = make_cost(num_params=1), make_cost(num_params=2, device_name="Other CPU")
    counts = recorded_counts([old, make_quality(), new])
    assert list(counts) == [KEY]
    assert counts[KEY].num_params == 2
    assert counts[KEY].macs_content == 10 * 1280 * 720
