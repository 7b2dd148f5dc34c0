import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy.linalg import subspace_angles

from pcakd.analysis.spool import TapMoments
from pcakd.analysis.stability import (
    HalvesComparison,
    compare_halves,
    list_steps,
    principal_angles,
    settled_at,
)


@given(st.integers(0, 1000), st.integers(1, 5))
def test_angles_are_those_of_scipy(seed, rank):
    rng = np.random.default_rng(seed)
    one = np.linalg.qr(rng.normal(size=(7, rank)))[0]
    two = np.linalg.qr(one + rng.choice([1e-6, 0.1, 2.0]) * rng.normal(size=(7, rank)))[0]
    found = principal_angles(torch.from_numpy(one), torch.from_numpy(two))
    expected = np.rad2deg(subspace_angles(one, two))
    np.testing.assert_allclose(found, expected, rtol=1e-6, atol=1e-5)


def _photographs(count, seed=0, channels=6):
    rng = np.random.default_rng(seed)
    axes = np.diag(np.arange(channels, 0, -1.0))
    photographs = []
    for _ in range(count):
        pixels = torch.from_numpy(axes @ rng.normal(size=(channels, 30)))
        covariance = torch.cov(pixels, correction=0)
        photographs.append(TapMoments(mean=pixels.mean(dim=1), covariance=covariance))
    return photographs


def test_bases_agree_better_the_more_photographs_there_are():
    photographs = _photographs(200)
    found = compare_halves(
        lambda order: (photographs[number] for number in order), total=200, ranks=(2, 3)
    )
    for comparisons in found.values():
        assert [each.photographs for each in comparisons] == [4, 8, 16, 32, 100]
        assert comparisons[0].rms_angle > 2 * comparisons[-1].rms_angle
        assert comparisons[0].lost > comparisons[-1].lost > 0
        assert all(each.rms_angle <= each.largest_angle for each in comparisons)


def test_halves_share_no_photograph():
    seen = []

    def read(order):
        seen.append(order)
        return (_photographs(1, seed=number)[0] for number in order)

    compare_halves(read, total=9, ranks=(1,))
    assert len({tuple(order) for order in seen}) == 5
    assert all(len(set(order)) == len(order) == 8 for order in seen)


def test_the_same_photographs_in_both_halves_differ_by_nothing():
    one = _photographs(1)[0]
    found = compare_halves(lambda order: (one for _ in order), total=8, ranks=(3,))
    assert found[3][0].rms_angle == pytest.approx(0.0, abs=1e-5)
    assert found[3][0].lost == pytest.approx(0.0, abs=1e-12)


def test_few_photographs_have_no_halves():
    assert compare_halves(lambda order: [], total=7, ranks=(1,)) == {1: []}
    assert list_steps(4) == [4]
    assert list_steps(64) == [4, 8, 16, 32, 64]


def _at(*angles):
    return [
        HalvesComparison(photographs=4 * 2**n, rms_angle=angle, largest_angle=angle, lost=0.0)
        for n, angle in enumerate(angles)
    ]


def test_an_angle_settles_where_it_stays_near_its_end():
    assert settled_at(_at(20.0, 5.5, 5.2, 5.0)) == 8
    assert settled_at(_at(5.5, 20.0, 5.2, 5.0)) == 16
    assert settled_at(_at(20.0, 10.0, 5.0)) is None
    assert settled_at([]) is None
