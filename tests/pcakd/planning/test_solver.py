from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pcakd.planning import Constraint, solve

WIDTHS = (4, 5, 6, 7)


def _problem(seed, num_constraints, tightness):
    rng = np.random.default_rng(seed)
    values = [np.cumsum(rng.exponential(size=width)) for width in WIDTHS]
    constraints = []
    for _ in range(num_constraints):
        tables = [
            np.cumsum(rng.exponential(size=(before, width)), axis=1)
            for before, width in zip((1, *WIDTHS), WIDTHS, strict=False)
        ]
        most = sum(table.max() for table in tables)
        constraints.append(Constraint(tables=tuple(tables), limit=tightness * most))
    return values, constraints


def _brute_force(values, constraints):
    best, found = -np.inf, None
    for ranks in product(*(range(1, width + 1) for width in WIDTHS)):
        if all(constraint.cost(ranks) <= constraint.limit for constraint in constraints):
            total = sum(value[rank - 1] for value, rank in zip(values, ranks, strict=True))
            if total > best:
                best, found = total, ranks
    return best, found


@settings(max_examples=30)
@given(st.integers(0, 10_000), st.integers(1, 3), st.floats(0.01, 1.0))
def test_the_plan_is_that_of_brute_force(seed, num_constraints, tightness):
    values, constraints = _problem(seed, num_constraints, tightness)
    best, expected = _brute_force(values, constraints)
    found = solve(values, constraints)
    assert (found is None) == (expected is None)
    if found:
        total = sum(value[rank - 1] for value, rank in zip(values, found, strict=True))
        assert total == pytest.approx(best, rel=1e-12)
        assert all(constraint.cost(found) <= constraint.bound for constraint in constraints)


def test_a_flat_end_of_a_spectrum_is_left_out():
    values = [np.array([1.0]), np.array([1.0]), np.array([1.0]), np.array([0.5, 1.0, 1.0, 1.0])]
    tables = np.ones((1, 1)), np.ones((1, 1)), np.ones((1, 1)), np.ones((1, 4))
    assert solve(values, [Constraint(tables=tables, limit=100.0)]) == (1, 1, 1, 2)


def test_a_cost_that_equals_the_limit_up_to_rounding_fits():
    tables = (
        np.full((1, 1), 0.1),
        np.full((1, 1), 0.2),
        np.full((1, 1), 0.0),
        np.array([[0.0, 1.0]]),
    )
    values = [np.ones(1), np.ones(1), np.ones(1), np.array([0.5, 1.0])]
    assert solve(values, [Constraint(tables=tables, limit=0.3)]) == (1, 1, 1, 1)


def test_a_constraint_is_needed():
    with pytest.raises(ValueError, match="constraint"):
        solve([np.ones(1)] * 4, [])
