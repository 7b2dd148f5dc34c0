"""The ranks of the four taps that keep the most variance under budgets of cost."""

from pcakd.planning.budget import Budget, parse_budget
from pcakd.planning.plan import Plan, plan_ranks
from pcakd.planning.solver import Constraint, solve

__all__ = ["Budget", "Constraint", "Plan", "parse_budget", "plan_ranks", "solve"]
