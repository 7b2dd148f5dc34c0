"""Style losses against NumPy and SciPy, and the bounds of those that have them."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy.linalg import sqrtm
from scipy.stats import wasserstein_distance

from bench.quality.gram import bounded_distance, relative_distance
from pcakd.distillation.losses.style import (
    _directions,
    bounded_style_distance,
    gaussian_distance,
    gram_matrix,
    moment_distance,
    sliced_distance,
    style_distance,
)

BOUNDED = [moment_distance, gaussian_distance, sliced_distance]


def _random(*shape, seed=0):
    return torch.rand(*shape, generator=torch.Generator().manual_seed(seed))


def test_the_style_distance_is_that_of_the_scores():
    taps = [_random(1, 6, 9, 7), _random(1, 8, 5, 5, seed=1)]
    goals = [gram_matrix(_random(1, 6, 4, 8, seed=2)), gram_matrix(_random(1, 8, 6, 6, seed=3))]
    expected = relative_distance([gram_matrix(tap)[0] for tap in taps], [g[0] for g in goals])
    assert float(style_distance(taps, goals)) == pytest.approx(expected, rel=1e-6)


def test_the_bounded_style_distance_is_that_of_the_scores():
    taps = [_random(1, 6, 9, 7), _random(1, 8, 5, 5, seed=1)]
    goals = [gram_matrix(_random(1, 6, 4, 8, seed=2)), gram_matrix(_random(1, 8, 6, 6, seed=3))]
    expected = bounded_distance([gram_matrix(tap)[0] for tap in taps], [g[0] for g in goals])
    assert float(bounded_style_distance(taps, goals)) == pytest.approx(expected, rel=1e-6)


def test_too_little_texture_is_as_far_as_too_much():
    tap = _random(1, 6, 9, 7)
    goals = [gram_matrix(tap)]
    weak, strong = [0.1 * tap], [10.0 * tap]
    bounded = [float(bounded_style_distance(each, goals)) for each in (weak, strong)]
    assert bounded[0] == pytest.approx(bounded[1], rel=1e-5)
    relative = [float(style_distance(each, goals)) for each in (weak, strong)]
    assert relative[1] > 90.0 * relative[0]


@pytest.mark.parametrize("distance", BOUNDED)
@given(seed=st.integers(0, 100), scale=st.sampled_from([0.01, 0.5, 1.0, 100.0]))
def test_distances_are_symmetric_and_at_most_1(distance, seed, scale):
    one, other = (
        50 * _random(2, 5, 8, 8, seed=seed),
        50 * scale * _random(2, 5, 8, 8, seed=seed + 1),
    )
    found = float(distance([one], [other]))
    assert 0.0 <= found <= 1.0
    assert float(distance([other], [one])) == pytest.approx(found, rel=1e-4, abs=1e-5)
    assert float(distance([one], [one])) == pytest.approx(0.0, abs=1e-3)


@pytest.mark.parametrize("scale", [1e-2, 1.0, 1e3])
@pytest.mark.parametrize("distance", BOUNDED)
def test_distances_do_not_depend_on_the_unit_of_features(distance, scale):
    decay = torch.logspace(0, -3, 32)[:, None, None]  # most of the variance in few channels
    one, other = (_random(1, 32, 6, 6, seed=seed) * decay for seed in (0, 1))
    found = distance([scale * one], [scale * other])
    torch.testing.assert_close(found, distance([one], [other]), rtol=2e-2, atol=1e-3)
    assert float(distance([scale * one], [scale * one])) < 0.05


@pytest.mark.parametrize("distance", BOUNDED)
def test_distances_do_not_depend_on_places(distance):
    one, other = 50 * _random(1, 5, 8, 8), 50 * _random(1, 5, 8, 8, seed=1)
    moved = other.flip(-1).transpose(-1, -2)
    torch.testing.assert_close(distance([one], [moved]), distance([one], [other]))


@pytest.mark.parametrize("distance", BOUNDED)
def test_distances_have_finite_gradients_also_where_features_are_equal_or_flat(distance):
    features = 50 * _random(2, 5, 8, 8)
    for goal in (features.clone(), torch.zeros_like(features), torch.full_like(features, 3.0)):
        leaf = features.clone().requires_grad_()
        distance([leaf], [goal]).backward()
        assert bool(leaf.grad.isfinite().all())


def test_moments_are_those_of_numpy():
    one, other = _random(1, 5, 6, 7), _random(1, 5, 9, 4, seed=1)
    m, n = (
        np.concatenate([x[0].numpy().mean(axis=(1, 2)), x[0].numpy().std(axis=(1, 2))])
        for x in (one, other)
    )
    expected = np.linalg.norm(m - n) / (np.linalg.norm(m) + np.linalg.norm(n))
    assert float(moment_distance([one], [other])) == pytest.approx(expected, rel=1e-4)


def test_gaussians_are_apart_as_their_formula_says():
    one, other = 50 * _random(1, 5, 6, 7), 50 * _random(1, 5, 9, 4, seed=1)
    (m, p), (n, q) = (
        (x.mean(axis=1), np.cov(x, bias=True))
        for x in (each[0].flatten(1).double().numpy() for each in (one, other))
    )
    root = sqrtm(q)
    square = ((m - n) ** 2).sum() + np.trace(p + q - 2 * sqrtm(root @ p @ root).real)
    scale = np.sqrt((m**2).sum() + np.trace(p)) + np.sqrt((n**2).sum() + np.trace(q))
    expected = np.sqrt(square) / scale
    assert float(gaussian_distance([one], [other])) == pytest.approx(expected, rel=1e-5)


def test_slices_are_sorted_projections():
    one, other = _random(1, 5, 6, 7), _random(1, 5, 7, 6, seed=1)
    sides = [
        np.sort(_directions(5).double().numpy() @ each[0].flatten(1).double().numpy(), axis=1)
        for each in (one, other)
    ]
    first, second = sides
    # one-dimensional distances of order 1 are SciPy's: the slices are sorted as it sorts them
    for a, b in zip(first, second, strict=True):
        assert np.abs(a - b).mean() == pytest.approx(wasserstein_distance(a, b))
    rms = [np.sqrt((x**2).mean()) for x in (first - second, first, second)]
    expected = rms[0] / (rms[1] + rms[2])
    assert float(sliced_distance([one], [other])) == pytest.approx(expected, rel=1e-4)


def test_directions_are_the_same_at_each_call_and_of_length_1():
    assert torch.equal(_directions(7), _directions.__wrapped__(7))
    torch.testing.assert_close(_directions(7).norm(dim=1), torch.ones(32))
