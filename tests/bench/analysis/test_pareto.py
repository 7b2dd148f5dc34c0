"""The Pareto front against a brute-force oracle."""

import math
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.analysis.pareto import dominates, pareto_front

values = st.integers(-3, 3).map(float)


@st.composite
def clouds(draw):
    width = draw(st.integers(1, 4))
    points = draw(st.lists(st.tuples(*[values] * width), max_size=12))
    return points, tuple(draw(st.lists(st.booleans(), min_size=width, max_size=width)))


def oracle(points, higher_is_better):
    """Negate metrics of which lower is better, then apply the definition literally."""
    signed = [
        tuple(s if up else -s for s, up in zip(p, higher_is_better, strict=True)) for p in points
    ]
    front = []
    for mine in signed:
        beaten = False
        for other in signed:
            no_worse = sum(o >= m for o, m in zip(other, mine, strict=True)) == len(mine)
            if no_worse and other != mine:
                beaten = True
        front.append(not beaten)
    return tuple(front)


@given(clouds())
def test_front_equals_the_definition(cloud):
    points, higher = cloud
    assert pareto_front(points, higher) == oracle(points, higher)


@given(clouds(), st.randoms(use_true_random=False))
def test_front_does_not_depend_on_order(cloud, rng: random.Random):
    points, higher = cloud
    order = list(range(len(points)))
    rng.shuffle(order)
    front = pareto_front(points, higher)
    shuffled = pareto_front([points[i] for i in order], higher)
    assert shuffled == tuple(front[i] for i in order)


@given(clouds())
def test_front_is_not_empty_and_mutually_undominated(cloud):
    points, higher = cloud
    front = [p for p, on in zip(points, pareto_front(points, higher), strict=True) if on]
    assert bool(front) == bool(points)
    assert not any(dominates(a, b, higher) for a in front for b in front)


@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_refuses_values_that_are_not_finite(bad):
    with pytest.raises(ValueError, match="finite"):
        pareto_front([(1.0, bad)], (True, False))


def test_refuses_points_of_another_length():
    with pytest.raises(ValueError, match="zip"):
        pareto_front([(1.0,), (2.0,)], (True, False))
