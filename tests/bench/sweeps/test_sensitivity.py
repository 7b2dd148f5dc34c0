"""Sensitivity to ranks, and what predicts quality, against planted effects and SciPy."""

import numpy as np
import pytest
from scipy.stats import spearmanr
from trials import make_trial

from bench.sweeps.members import find_members
from bench.sweeps.sensitivity import by_family, find_predictions, find_sensitivities

EFFECTS = (0.01, 0.02, 0.04, 0.08)  # gain of SSIM when the rank of tap 1 to 4 doubles


def planted(count, *, noise=0.0, together=False, seed=0):
    rng = np.random.default_rng(seed)
    records = {}
    for number in range(count):
        factors = np.full(4, rng.uniform(1, 3)) if together else rng.uniform(1, 3, 4)
        ranks = np.rint(4 * 2**factors).astype(int)
        ssim = 0.3 + float(np.log2(ranks) @ EFFECTS) + noise * float(rng.normal())
        mcev = (0.5 + 0.1 * np.log2(ranks)).tolist()
        costs = {"num_params": float(ranks.sum()), "macs_per_pixel": float(ranks[3])}
        name = f"m{number}"
        means = {"sliced_wasserstein": 4.0 - ssim, "ssim": ssim}
        records[name] = make_trial(name, means, ranks=ranks.tolist(), mcev=mcev, costs=costs)
    return find_members(records)


def test_planted_effects_are_found_with_their_sign():
    for metric in ("ssim", "sliced_wasserstein"):  # higher and lower are better
        found = find_sensitivities(planted(12), metric)
        assert [each.tap for each in found] == [1, 2, 3, 4]
        changes = [each.change for each in found]
        np.testing.assert_allclose(changes, [-effect for effect in EFFECTS], atol=1e-9)
        np.testing.assert_allclose([each.promised for each in found], [-0.1] * 4, atol=1e-9)


def test_intervals_cover_planted_effects():
    covered = [
        each.low <= -EFFECTS[each.tap - 1] <= each.high
        for seed in range(60)
        for each in find_sensitivities(planted(12, noise=0.02, seed=seed), "ssim")
    ]
    assert len(covered) == 240
    assert 0.90 <= np.mean(covered) <= 0.99


def test_ranks_that_change_together_have_no_sensitivity():
    members = planted(12, together=True)
    assert find_sensitivities(members, "ssim") == []
    same = {f"m{i}": make_trial(f"m{i}", {"ssim": 0.5}) for i in range(9)}
    assert find_sensitivities(find_members(same), "ssim") == []
    assert by_family(find_members(same)) == {}


def test_what_does_not_change_predicts_nothing():
    records = {
        f"m{number}": make_trial(f"m{number}", {"ssim": 0.5 + number / 100}, ranks=(4, 6, 8, rank))
        for number, rank in enumerate((8, 9) * 4)
    }
    assert find_predictions(find_members(records), "ssim", None) == []  # mcev is constant
    same = planted(8)
    constant = {m.name: make_trial(m.name, {"ssim": 0.5}, ranks=m.ranks) for m in same}
    assert find_predictions(find_members(constant), "ssim", None) == []


def test_families_differ_by_ranks_alone():
    means = {"ssim": 0.5}
    separable = ("--backbone", "tiny", "--architecture", "separable")
    tuned = ("--backbone", "tiny", "--start", "a.safetensors", "--low-rank", "0.5")
    recipe = {"weights": {"edges": 9.0}, "seed": 1}
    records = {
        "a": make_trial("a", means),
        "b": make_trial("b", means, options=separable),
        "c": make_trial("c", means, options=tuned),
        "d": make_trial("d", means, recipe=recipe),
        "e": make_trial("e", means, recipe=recipe | {"seed": 2}),
    }
    families = {member.name: member.family for member in find_members(records)}
    assert families == {
        "a": "tiny, recipe 1",
        "b": "tiny, separable",
        "c": "tiny, from a.safetensors, low rank 0.5",
        "d": "tiny, recipe 2",
        "e": "tiny, recipe 2",
    }


def test_families_need_enough_members():
    members = planted(12)
    assert {*by_family(members)} == {"tiny"}
    assert by_family(members[:7]) == {}


def test_predictions_are_those_of_scipy():
    members = planted(12, noise=0.05)
    found = {each.predictor: each for each in find_predictions(members, "ssim", "HD")}
    assert {*found} == {"mcev", "num_params", "macs_per_pixel"}
    ssim = [next(iter(member.record.scores["ssim"].values())) for member in members]
    for name, values in (
        ("mcev", [sum(member.mcev) for member in members]),
        ("num_params", [member.cost("num_params", "HD") for member in members]),
        ("macs_per_pixel", [member.cost("macs_per_pixel", "HD") for member in members]),
    ):
        each = found[name]
        assert each.correlation == pytest.approx(spearmanr(values, ssim).statistic)
        assert each.low <= each.correlation <= each.high
    gain = found["macs_per_pixel"].gain
    assert gain is not None
    assert gain[0] == pytest.approx(found["mcev"].correlation - found["macs_per_pixel"].correlation)
    assert gain[1] <= gain[0] <= gain[2]


def test_without_a_profile_only_mcev_predicts():
    (only,) = find_predictions(planted(8), "ssim", None)
    assert only.predictor == "mcev"
