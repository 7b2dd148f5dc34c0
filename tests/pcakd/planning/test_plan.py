from dataclasses import replace
from itertools import product

import numpy as np
import pytest
from student_specs import TINY

from pcakd.costs import count_student, peak_bytes
from pcakd.errors import ConfigError
from pcakd.planning import parse_budget, plan_ranks
from pcakd.planning.plan import rule_ranks
from pcakd.planning.tables import BlockTables
from pcakd.utils.resolutions import parse_resolution

WIDTHS = (4, 5, 6, 7)
CURVES = [1 - np.exp(-np.arange(1, width + 1) / 2) for width in WIDTHS]
TABLES = BlockTables(TINY, WIDTHS)


def _spec(ranks):
    return replace(TINY, ranks=ranks)


@pytest.mark.parametrize("weights", [(1.0, 1.0, 1.0, 1.0), (0.1, 1.0, 1.0, 4.0)])
def test_a_plan_is_the_best_of_all_ranks_within_its_budgets(weights):
    budgets = [parse_budget(text) for text in ("params=1500", "macs=900/px", "memory=62MiB@HD")]
    plan = plan_ranks(CURVES, TABLES, budgets, weights=weights)

    def fits(ranks):
        counts = count_student(_spec(ranks))
        memory = peak_bytes(_spec(ranks), parse_resolution("HD").pixels)
        return counts.num_params <= 1500 and counts.macs <= 900 and memory <= 62 * 2**20

    def total(ranks):
        return sum(w * c[k - 1] for w, c, k in zip(weights, CURVES, ranks, strict=True))

    grid = [r for r in product(*(range(1, w + 1) for w in WIDTHS)) if fits(r)]
    assert 1 < len(grid) < np.prod(WIDTHS)
    assert total(plan.ranks) == pytest.approx(max(map(total, grid)))
    assert plan.objective == pytest.approx(total(plan.ranks))
    assert fits(plan.ranks)
    assert fits(plan.rule_ranks)
    assert plan.rule_objective <= plan.objective + 1e-12


def test_the_rule_is_the_largest_equal_target_that_fits():
    budget = parse_budget("params=1500")
    plan = plan_ranks(CURVES, TABLES, [budget])
    targets = sorted({float(value) for curve in CURVES for value in curve})
    fitting = [
        rule_ranks(CURVES, target)
        for target in targets
        if count_student(_spec(rule_ranks(CURVES, target))).num_params <= 1500
    ]
    assert plan.rule_ranks == fitting[-1]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("macs=1/px", "block pair 1 alone exceeds it"),
        ("params=120", "takes 1.*times as much"),
        ("memory=1MiB@8K", "both images and the call itself"),
        ("memory=53MB@HD", r"takes 1\.\d+ times as much, and block pair 1 takes the most of that"),
    ],
)
def test_an_impossible_budget_says_what_exceeds_it(text, message):
    with pytest.raises(ConfigError, match=message):
        plan_ranks(CURVES, TABLES, [parse_budget(text)])


def test_weights_must_be_positive():
    with pytest.raises(ConfigError, match="four positive numbers"):
        plan_ranks(CURVES, TABLES, [parse_budget("params=1500")], weights=(1.0, 1.0, 0.0, 1.0))
