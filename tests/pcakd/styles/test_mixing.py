"""Pooled moments and barycentres, against their definitions and closed forms."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy.linalg import sqrtm

from pcakd.errors import NumericalError
from pcakd.linalg import Statistics, measure_statistics
from pcakd.styles import mixing
from pcakd.styles.mixing import mix_statistics, pool_statistics


def _gaussian(size, seed, rank=None):
    generator = torch.Generator().manual_seed(seed)
    factor = torch.randn(size, rank or size + 2, generator=generator, dtype=torch.float64)
    mean = torch.randn(size, generator=generator, dtype=torch.float64)
    return Statistics(mean=mean, covariance=factor @ factor.T)


def _close(found, expected, tolerance=1e-8):
    scale = float(np.abs(np.asarray(expected)).max())
    np.testing.assert_allclose(found, expected, rtol=0.0, atol=tolerance * scale)


@given(st.integers(0, 100), st.lists(st.integers(1, 40), min_size=1, max_size=4))
def test_pooled_moments_are_those_of_all_pixels(seed, widths):
    generator = torch.Generator().manual_seed(seed)
    maps = [
        torch.randn(3, 5, width, generator=generator, dtype=torch.float64) + index
        for index, width in enumerate(widths)
    ]
    found = pool_statistics([measure_statistics(m) for m in maps], [m[0].numel() for m in maps])
    expected = measure_statistics(torch.cat(maps, dim=2))
    torch.testing.assert_close(found.mean, expected.mean)
    torch.testing.assert_close(found.covariance, expected.covariance, rtol=1e-9, atol=1e-9)


weights = st.lists(st.floats(0.05, 1.0), min_size=2, max_size=4)


@given(st.integers(1, 6), st.integers(0, 1000), weights)
def test_commuting_gaussians_have_their_closed_form(size, seed, given_weights):
    """With common eigenvectors, standard deviations are averaged; some may be zero."""
    shares = [weight / sum(given_weights) for weight in given_weights]
    rng = np.random.default_rng(seed)
    vectors = np.linalg.qr(rng.standard_normal((size, size)))[0]
    deviations = rng.random((len(shares), size)) * (rng.random((len(shares), size)) > 0.2)
    gaussians = [
        Statistics(
            mean=torch.from_numpy(rng.standard_normal(size)),
            covariance=torch.from_numpy((vectors * each**2) @ vectors.T),
        )
        for each in deviations
    ]
    found = mix_statistics(gaussians, shares)
    mixed = (np.array(shares)[:, None] * deviations).sum(axis=0)
    expected = (vectors * mixed**2) @ vectors.T
    np.testing.assert_allclose(found.covariance, expected, rtol=0.0, atol=1e-7)
    mean = sum(share * g.mean for share, g in zip(shares, gaussians, strict=True))
    torch.testing.assert_close(found.mean, mean)


@given(st.integers(1, 8), st.integers(0, 1000), st.floats(0.05, 0.95))
def test_two_gaussians_are_interpolated_along_the_transport_map(size, seed, share):
    """McCann's interpolation: ((1 - t) I + t T) C₁ ((1 - t) I + t T)."""
    one, other = _gaussian(size, seed), _gaussian(size, seed + 1)
    found = mix_statistics([one, other], [1.0 - share, share])
    first, second = one.covariance.numpy(), other.covariance.numpy()
    root = sqrtm(first).real
    inverse = np.linalg.inv(root)
    transport = inverse @ sqrtm(root @ second @ root).real @ inverse
    step = (1.0 - share) * np.eye(size) + share * transport
    _close(found.covariance, step @ first @ step, 1e-6)


@given(st.integers(2, 7), st.integers(0, 1000), st.integers(1, 3))
def test_barycentres_solve_their_equation(size, seed, rank):
    """S = Σ wᵢ (S^½ Cᵢ S^½)^½, also of Gaussians of low rank."""
    shares = [0.5, 0.3, 0.2]
    gaussians = [
        _gaussian(size, seed),
        _gaussian(size, seed + 1, rank=rank),
        _gaussian(size, seed + 2, rank=rank),
    ]
    found = mix_statistics(gaussians, shares).covariance.numpy()
    values, vectors = np.linalg.eigh(found)
    root = (vectors * np.sqrt(values.clip(0.0))) @ vectors.T
    total = np.zeros_like(found)
    for share, gaussian in zip(shares, gaussians, strict=True):
        inner, basis = np.linalg.eigh(root @ gaussian.covariance.numpy() @ root)
        total += share * (basis * np.sqrt(inner.clip(0.0))) @ basis.T
    _close(total, found, 1e-6)  # roots halve the digits of values near zero


@given(st.integers(1, 6), st.integers(0, 1000), st.permutations([0, 1, 2]))
def test_the_order_does_not_matter(size, seed, order):
    gaussians, shares = [_gaussian(size, seed + i) for i in range(3)], [0.2, 0.5, 0.3]
    found = mix_statistics([gaussians[i] for i in order], [shares[i] for i in order])
    _close(found.covariance, mix_statistics(gaussians, shares).covariance, 1e-9)


@given(st.integers(1, 6), st.integers(0, 1000), st.sampled_from([1e-6, 1e6]))
def test_the_scale_of_features_does_not_matter(size, seed, scale):
    gaussians, shares = [_gaussian(size, seed + i) for i in range(2)], [0.4, 0.6]
    scaled = [Statistics(mean=g.mean, covariance=g.covariance * scale) for g in gaussians]
    expected = mix_statistics(gaussians, shares).covariance * scale
    _close(mix_statistics(scaled, shares).covariance, expected, 1e-9)


def test_equal_gaussians_and_flat_ones_are_their_own_barycentre():
    one = _gaussian(5, 0)
    _close(mix_statistics([one, one], [0.3, 0.7]).covariance, one.covariance, 1e-10)
    assert mix_statistics([one], [1.0]) is one
    flat = Statistics(mean=one.mean, covariance=torch.zeros(5, 5, dtype=torch.float64))
    assert not mix_statistics([flat, flat], [0.5, 0.5]).covariance.any()


@pytest.mark.parametrize("size", [5, 64])
def test_barycentres_of_many_channels(size):
    gaussians = [_gaussian(size, seed) for seed in range(4)]
    found = mix_statistics(gaussians, [0.25] * 4).covariance
    assert float(torch.linalg.eigvalsh(found)[0]) > 0.0
    assert torch.equal(found, found.mT)


def _count_steps(monkeypatch):
    calls = []
    step = mixing._step
    monkeypatch.setattr(mixing, "_step", lambda *given: (calls.append(1), step(*given))[1])
    return calls


@pytest.mark.parametrize("rank", [None, 30])
def test_the_iteration_stops_where_its_change_no_longer_falls(monkeypatch, rank):
    """Singular matrices stay above the tolerance: rounding moves values near zero."""
    calls = _count_steps(monkeypatch)
    mix_statistics([_gaussian(64, 1, rank), _gaussian(64, 2, 40)], [0.5, 0.5])
    assert 5 < len(calls) < 150


def test_slow_mixes_of_flat_gaussians_end_at_the_last_step(monkeypatch):
    calls = _count_steps(monkeypatch)
    found = mix_statistics([_gaussian(64, 1, 20), _gaussian(64, 2, 20)], [0.5, 0.5])
    assert len(calls) == mixing._MOST_STEPS
    assert bool(found.covariance.isfinite().all())


def test_moments_in_float32_are_mixed_in_float64(monkeypatch):
    calls = _count_steps(monkeypatch)
    wide = [_gaussian(32, seed) for seed in range(2)]
    expected = mix_statistics(wide, [0.3, 0.7])
    narrow = [Statistics(mean=g.mean.float(), covariance=g.covariance.float()) for g in wide]
    found = mix_statistics(narrow, [0.3, 0.7])
    assert found.mean.dtype == found.covariance.dtype == torch.float32
    _close(found.covariance, expected.covariance, 1e-5)
    _close(found.mean, expected.mean, 1e-6)
    assert len(calls) < 200


def test_a_mix_that_does_not_converge_is_an_error(monkeypatch):
    monkeypatch.setattr(mixing, "_MOST_STEPS", 2)
    with pytest.raises(NumericalError, match="does not converge in 2 steps"):
        mix_statistics([_gaussian(8, 1), _gaussian(8, 2)], [0.5, 0.5])
