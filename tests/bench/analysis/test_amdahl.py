"""Amdahl's law, by its properties."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.analysis.amdahl import bound, speedup

shares = st.floats(0.0, 1.0)
factors = st.floats(1.0, 1e6)


@given(shares, factors)
def test_a_speedup_lies_between_none_and_the_bound_and_that_of_the_part(share, factor):
    gained = speedup(share, factor)
    assert 1.0 - 1e-9 <= gained <= min(bound(share), factor) * (1 + 1e-9)


@given(shares, factors, factors)
def test_more_never_hurts(share, one, other):
    slower, faster = sorted((one, other))
    assert speedup(share, slower) <= speedup(share, faster) * (1 + 1e-9)


@given(st.floats(0.0, 0.999))
def test_the_bound_is_the_limit(share):
    assert speedup(share, 1e12) == pytest.approx(bound(share), rel=1e-6)
    assert bound(share) == pytest.approx(1 / (1 - share))


@given(st.floats(1.0, 1e3), st.floats(1.0, 1e3), st.floats(1e-3, 1.0))
def test_times_add_up(rest, part, fraction):
    before, after = rest + part, rest + part * fraction
    assert speedup(part / before, 1 / fraction) == pytest.approx(before / after)


def test_ends():
    assert bound(0.0) == speedup(0.0, 25.6) == 1.0
    assert bound(1.0) == math.inf
    assert speedup(1.0, 25.6) == pytest.approx(25.6)
