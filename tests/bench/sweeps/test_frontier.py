"""The frontier of a sweep: who is on it, how much it dominates, and what seeds change."""

import math

import numpy as np
import pytest
from trials import make_trial

from bench.analysis.pareto import pareto_front
from bench.sweeps.frontier import find_frontier
from bench.sweeps.members import (
    common_metrics,
    common_resolutions,
    describe_left_out,
    find_members,
    mean_score,
    witnesses,
)

METRICS = ("sliced_wasserstein", "ssim")


def trial(name, style, content, cost, **settings):
    means = {"sliced_wasserstein": style, "ssim": content}
    return make_trial(name, means, costs={"num_params": cost}, **settings)


def members_of(*records):
    return find_members({record.name: record for record in records})


def test_seeds_belong_to_their_trial_and_failures_to_none():
    failed = trial("failed", 1, 1, 1, scores={}, card={}, failure="collapsed")
    members = members_of(trial("a-seed1", 2, 0.5, 10), trial("a", 1, 0.5, 10), failed)
    assert [member.name for member in members] == ["a"]
    assert [record.name for record in members[0].seeds] == ["a-seed1"]


def test_witnesses_are_the_first_metrics_that_nothing_was_trained_on():
    means = {"bounded_gram": 0.3, "sliced_wasserstein": 4.0, "ssim": 0.7, "gmsd": 0.1}
    members = members_of(make_trial("a", means), make_trial("b", means))
    assert common_metrics(members) == ["bounded_gram", "sliced_wasserstein", "ssim", "gmsd"]
    assert witnesses(members) == METRICS
    recipe = {"weights": {"structure": 1.0}}  # SSIM itself
    members = members_of(make_trial("a", means), make_trial("b", means, recipe=recipe))
    assert witnesses(members) is None


def test_costs_of_several_machines_do_not_compare():
    one, other = trial("a", 1, 0.5, 10), trial("b", 2, 0.5, 10)
    assert common_resolutions(members_of(one, other)) == ["HD"]
    elsewhere = {"device_name": "another CPU", "threads": 2}
    other = trial("b", 2, 0.5, 10, cost_environment=elsewhere)
    assert common_resolutions(members_of(one, other)) == []


def test_records_of_other_image_pairs_are_left_out_and_named():
    records = {
        "a": trial("a", 1, 0.5, 10),
        "b": trial("b", 2, 0.5, 10),
        "b-seed1": trial("b-seed1", 2, 0.5, 10, pairs="others"),
        "c": trial("c", 2, 0.5, 10, pairs="others"),
        "d": trial("d", 1, 1, 1, scores={}, card={}, failure="collapsed"),
        "a-on-gpu": trial("a-on-gpu", 1, 0.6, 10),
    }
    members = find_members(records)
    assert [member.name for member in members] == ["a", "b", "a-on-gpu"]
    assert members[1].seeds == ()
    assert describe_left_out(records, members) == [
        "`b-seed1`: scored on other image pairs",
        "`c`: scored on other image pairs",
        "`d`: collapsed",
    ]


def test_members_without_costs_stay_off_the_front_alone():
    records = [trial("a", 1, 0.5, 10), trial("b", 2, 0.6, 5)]
    records.append(make_trial("c", {"sliced_wasserstein": 0.1, "ssim": 0.9}))
    members = members_of(*records)
    assert common_resolutions(members) == ["HD"]
    found = find_frontier(members, METRICS, "num_params", "HD")
    assert found is not None
    assert {*found.front, *found.dominated} == {"a", "b"}


def test_a_front_and_its_hypervolume_are_those_of_a_closed_formula():
    members = members_of(
        trial("small", 4.0, 0.6, 1_000),
        trial("large", 3.0, 0.7, 100_000),
        trial("worse", 4.5, 0.5, 100_000),
    )
    found = find_frontier(members, METRICS, "num_params", "HD")
    assert found is not None
    assert found.front == ("small", "large")
    assert found.dominated == ("worse",)
    # the box: style 3 to 4.65, content 0.7 down to 0.48, cost 10^3 to 10^5.2
    assert found.reference == pytest.approx((4.65, 0.48, 10**5.2))
    style = [(4.65 - value) / 1.65 for value in (4.0, 3.0)]
    content = [(value - 0.48) / 0.22 for value in (0.6, 0.7)]
    cost = [(5.2 - value) / 2.2 for value in (3, 5)]
    own = [s * c * k for s, c, k in zip(style, content, cost, strict=True)]
    both = min(style) * min(content) * min(cost)
    assert found.hypervolume == pytest.approx(sum(own) - both)
    assert found.low == found.high == pytest.approx(found.hypervolume)  # all pairs are alike


def test_a_hypervolume_is_that_of_random_points():
    rng = np.random.default_rng(1)
    values = [(rng.uniform(2, 5), rng.uniform(0.4, 0.8), rng.uniform(3, 5)) for _ in range(12)]
    members = members_of(
        *(trial(f"m{i}", s, c, 10**k, spread=0.05) for i, (s, c, k) in enumerate(values))
    )
    found = find_frontier(members, METRICS, "num_params", "HD")
    assert found is not None
    points = np.array([(s, -c, k) for s, c, k in values])
    end = np.array([found.reference[0], -found.reference[1], math.log10(found.reference[2])])
    drawn = rng.uniform(points.min(axis=0), end, (60_000, 3))
    dominated = (points[None] <= drawn[:, None]).all(-1).any(1).mean()
    assert found.hypervolume == pytest.approx(dominated, abs=0.01)
    front = pareto_front(points.tolist(), (False, False, False))
    assert found.front == tuple(m.name for m, on in zip(members, front, strict=True) if on)
    assert found.low < found.hypervolume < found.high


def test_another_seed_can_push_its_student_or_another_one_off_the_front():
    records = [
        trial("a", 4.0, 0.6, 1_000),
        trial("a-seed1", 2.0, 0.8, 1_000),
        trial("a-seed2", 4.1, 0.6, 1_000),
        trial("b", 3.0, 0.7, 1_000),
        trial("c", 5.0, 0.5, 500),
    ]
    found = find_frontier(members_of(*records), METRICS, "num_params", "HD")
    assert found is not None
    assert found.front == ("b", "c")
    assert found.leaves == {("a", "a-seed1"): ("b",), ("a", "a-seed2"): ()}


def test_fewer_than_two_students_have_no_frontier():
    assert find_frontier(members_of(trial("a", 1, 0.5, 10)), METRICS, "num_params", "HD") is None
    unmeasured = make_trial("b", {"sliced_wasserstein": 1, "ssim": 0.5})
    members = members_of(trial("a", 1, 0.5, 10), unmeasured)
    assert find_frontier(members, METRICS, "num_params", "HD") is None
    assert mean_score(unmeasured, "ssim") == 0.5
