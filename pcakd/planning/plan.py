"""Plans: the ranks of the four taps that keep the most variance under budgets, and the rule's."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

from pcakd.costs import LatencyModel
from pcakd.errors import ConfigError
from pcakd.planning.budget import Budget
from pcakd.planning.solver import Array, Constraint, solve
from pcakd.planning.tables import BlockTables

Ranks: TypeAlias = tuple[int, int, int, int]

EQUAL = (1.0, 1.0, 1.0, 1.0)
"""Weights of the taps in the objective: the sum of their mcev."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """The ranks for a list of budgets.

    Attributes:
        ranks: Those with the largest weighted sum of mcev over the taps, of all that the budgets
            allow.
        objective: That sum.
        rule_ranks: The ranks of the largest equal mcev target at all taps that the budgets allow
            (the paper's rule); None if even one channel a tap of it is too many.
        rule_objective: Their sum; None without them.
    """

    ranks: Ranks
    objective: float
    rule_ranks: Ranks | None
    rule_objective: float | None


def plan_ranks(
    mcev_curves: Sequence[Array],
    tables: BlockTables,
    budgets: Sequence[Budget],
    *,
    weights: Sequence[float] = EQUAL,
    model: LatencyModel | None = None,
    threads: int = 1,
) -> Plan:
    """Return the ranks that keep the most variance under all budgets, exactly.

    Args:
        mcev_curves: Mean cumulative explained variance of taps 1 to 4 at ranks from 1 on.
        tables: Costs of the architecture at all ranks.
        budgets: At least one.
        weights: Of the taps in the objective, positive.
        model: The latency of the machine, for budgets of latency.
        threads: Threads that compute tiles, for budgets of memory.

    Raises:
        ConfigError: No ranks are within a budget, a weight is not positive, or a budget needs a
            latency model.
    """
    if len(weights) != 4 or not all(0 < weight < float("inf") for weight in weights):
        raise ConfigError(f"weights must be four positive numbers, got {tuple(weights)}")
    constraints: list[Constraint] = []
    for budget in budgets:
        own = tables.constraints(budget, model=model, threads=threads)
        _require_possible(budget, own)
        constraints += own
    curves = [np.maximum.accumulate(np.asarray(curve, float)) for curve in mcev_curves]
    values = [weight * curve for weight, curve in zip(weights, curves, strict=True)]
    ranks = solve(values, constraints)
    if ranks is None:  # rank 1 at each tap is within each budget
        raise ConfigError("no ranks satisfy all budgets together; raise one of them")
    rule = _largest_rule(curves, constraints)
    return Plan(
        ranks=ranks,
        objective=_total(values, ranks),
        rule_ranks=rule,
        rule_objective=None if rule is None else _total(values, rule),
    )


def _total(values: Sequence[Array], ranks: Ranks) -> float:
    return float(sum(value[rank - 1] for value, rank in zip(values, ranks, strict=True)))


def _largest_rule(curves: Sequence[Array], constraints: Sequence[Constraint]) -> Ranks | None:
    """Return the ranks of the largest equal target at all taps that satisfies the constraints.

    Ranks rise with the target, and costs with the ranks, so bisection over all values of the
    curves finds it.
    """
    targets = np.unique(np.concatenate(curves))
    low, high = 0, len(targets)
    while low < high:  # targets below ``low`` fit
        middle = (low + high) // 2
        if _fits(rule_ranks(curves, targets[middle]), constraints):
            low = middle + 1
        else:
            high = middle
    return rule_ranks(curves, targets[low - 1]) if low else None


def rule_ranks(curves: Sequence[Array], target: float) -> Ranks:
    """Return the smallest ranks at which each of four rising curves reaches a target."""
    one, two, three, four = (
        min(len(curve), int(np.searchsorted(curve, target, side="left")) + 1) for curve in curves
    )
    return one, two, three, four


def _fits(ranks: Ranks, constraints: Sequence[Constraint]) -> bool:
    return all(constraint.cost(ranks) <= constraint.bound for constraint in constraints)


def _require_possible(budget: Budget, constraints: Sequence[Constraint]) -> None:
    """Check that one channel at each tap is within a budget.

    Raises:
        ConfigError: It is not; the message names the block pair that takes the most.
    """
    for constraint in constraints:
        least = [float(table[0, 0]) for table in constraint.tables]
        if sum(least) <= constraint.bound:
            continue
        fixed = budget.limit - constraint.limit
        if constraint.limit <= 0:
            raise ConfigError(
                f"budget {budget.text!r} is impossible: what no rank changes (both images and "
                f"the call itself) takes {fixed / budget.limit:.3g} times as much; raise it"
            )
        most = max(range(4), key=least.__getitem__)
        share = "alone exceeds it" if least[most] > budget.limit else "takes the most of that"
        raise ConfigError(
            f"budget {budget.text!r} is impossible: one channel at each tap takes "
            f"{(fixed + sum(least)) / budget.limit:.3g} times as much, and block pair {most + 1} "
            f"{share}; raise it"
        )
