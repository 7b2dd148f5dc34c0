"""Paired differences, their p-values, and Holm's correction."""

import doctest

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import bench.analysis.differences
from bench.analysis.differences import (
    Difference,
    describe_holm,
    difference_interval,
    mark_by_holm,
)

pytestmark = pytest.mark.numerics


def test_examples_in_docstrings():
    assert doctest.testmod(bench.analysis.differences).failed == 0


def test_differences_are_taken_pair_by_pair():
    first = [1.0, 5.0, 9.0, 2.0, 7.0, 4.0]
    found = difference_interval(first, [each - 0.5 for each in first])
    assert (found.value, found.low, found.high, found.count) == (0.5, 0.5, 0.5, 6)
    assert found.p_value == 0.0
    assert difference_interval(first, first).p_value == 1.0


@settings(max_examples=50, deadline=None)
@given(
    st.lists(st.integers(-20, 30), min_size=6, max_size=12).filter(lambda each: len({*each}) > 1)
)
def test_a_p_value_is_small_exactly_where_the_interval_excludes_zero(differences):
    found = difference_interval(differences, [0] * len(differences))
    assert (found.p_value < 0.05) == (found.low > 0 or found.high < 0)


def differences(*p_values):
    return [Difference(value=1.0, low=0.5, high=1.5, count=9, p_value=each) for each in p_values]


def test_holm_rejects_step_by_step():
    # 0.04 and 0.012 are small alone; 0.012 passes as the third of four, 0.03 does not
    assert mark_by_holm(differences(0.04, 0.001, 0.012, 0.013)) == (True, True, True, True)
    assert mark_by_holm(differences(0.04, 0.001, 0.026, 0.012)) == (False, True, False, True)
    assert mark_by_holm(differences(0.02, 0.02, 0.02)) == (False, False, False)
    assert mark_by_holm([]) == ()


def test_differences_without_an_interval_are_no_comparisons():
    few = Difference(value=9.0, count=5)
    assert mark_by_holm([few, *differences(0.02, 0.04)]) == (False, True, True)
    text = describe_holm([few, *differences(0.02, 0.04)], "table")
    assert "the 2 comparisons of this table" in text
    assert describe_holm([few], "table") == ""
