"""Rounding for display."""

import doctest

import pytest

from bench.report.common import formats
from bench.report.common.summary import Interval


@pytest.mark.parametrize(
    ("counts", "name"),
    [
        ([6, 9], "95 % interval"),
        ([5, 2], ""),
        ([5, 6], "95 % interval (none below 6 samples)"),
        ([], ""),
    ],
)
def test_intervals_are_named_by_their_samples(counts, name):
    ends = {"low": 0.5, "high": 2.0}
    intervals = [
        Interval(value=1.0, count=count, **(ends if count >= 6 else {})) for count in counts
    ]
    assert formats.name_intervals(intervals) == name


def test_examples_in_docstrings():
    assert doctest.testmod(formats).failed == 0


@pytest.mark.parametrize(
    ("value", "text"),
    [(0, "0"), (0.001234, "0.00123"), (0.5, "0.500"), (9.999, "10.00"), (10, "10.0"),
     (99.96, "100.0"), (100, "100"), (1234567, "1,234,567")],
)  # fmt: skip
def test_numbers(value, text):
    assert formats.format_number(value) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [(0, "0"), (999, "999"), (2465, "2.46 k"), (4.4e11, "440 G"), (2e18, "2,000 P")],
)
def test_counts(value, text):
    assert formats.format_count(value) == text


@pytest.mark.parametrize(("value", "text"), [(0, "0 B"), (1023, "1,023 B"), (2**31, "2.00 GiB")])
def test_bytes(value, text):
    assert formats.format_bytes(value) == text
