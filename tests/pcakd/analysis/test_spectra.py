import numpy as np
import pytest
import torch

from pcakd.analysis.spectra import SHARES, analyze_tap, average, effective_rank
from pcakd.analysis.spool import TapMoments
from pcakd.errors import NumericalError


def _photographs(count=6, channels=5, seed=0):
    rng = np.random.default_rng(seed)
    mix = rng.normal(size=(channels, channels)) * np.logspace(0, -2, channels)[:, None]
    features = [
        mix @ rng.normal(size=(channels, 40)) * rng.uniform(0.5, 2.0, (channels, 1)) + 3.0
        for _ in range(count)
    ]
    moments = [
        TapMoments(
            mean=torch.from_numpy(f.mean(axis=1)),
            covariance=torch.from_numpy(np.cov(f, bias=True)),
        )
        for f in features
    ]
    return features, moments


def _analyze(moments):
    covariance, power = average(moments)
    return analyze_tap(moments, covariance, tap=1, power=power)


def test_curves_are_those_of_numpy():
    features, moments = _photographs()
    found = _analyze(moments)
    mean_covariance = np.mean([np.cov(f, bias=True) for f in features], axis=0)
    values, vectors = np.linalg.eigh(mean_covariance)
    values, vectors = values[::-1], vectors[:, ::-1]
    np.testing.assert_allclose(found.spectrum.eigenvalues, values, rtol=1e-9)
    own, held = [], []
    for f in features:
        centred = f - f.mean(axis=1, keepdims=True)
        singular = np.linalg.svd(centred, compute_uv=False) ** 2
        own.append(np.cumsum(singular) / singular.sum())
        projected = ((vectors.T @ centred) ** 2).sum(axis=1)
        held.append(np.cumsum(projected) / projected.sum())
    np.testing.assert_allclose(found.spectrum.mcev_curve, np.mean(own, axis=0), rtol=1e-9)
    np.testing.assert_allclose(found.own_deviation, np.std(own, axis=0), rtol=0, atol=1e-7)
    # the basis is rounded to float32
    np.testing.assert_allclose(found.captured_curve, np.mean(held, axis=0), rtol=0, atol=1e-6)
    ranks = [[int((curve >= share - 1e-12).argmax()) + 1 for share in SHARES] for curve in own]
    assert found.own_ranks.tolist() == ranks


def test_a_global_basis_never_holds_more_than_own_components():
    found = _analyze(_photographs(seed=3)[1])
    assert bool((found.captured_curve <= found.spectrum.mcev_curve + 1e-6).all())
    assert bool((found.captured_curve.diff() >= -1e-6).all())
    assert float(found.captured_curve[-1]) == pytest.approx(1.0)


def test_the_effective_rank_counts_equal_eigenvalues():
    assert effective_rank(torch.tensor([2.0, 2.0, 2.0, 0.0])) == pytest.approx(3.0)
    assert effective_rank(torch.tensor([1.0, 0.0])) == pytest.approx(1.0)
    assert effective_rank(torch.zeros(3)) == 0.0


def test_a_photograph_of_one_colour_counts_as_explained():
    moments = _photographs()[1]
    flat = TapMoments(
        mean=torch.ones(5, dtype=torch.float64), covariance=torch.zeros(5, 5).double()
    )
    found, without = _analyze([*moments, flat]), _analyze(moments)
    expected = (6 * without.spectrum.mcev_curve + 1.0) / 7
    torch.testing.assert_close(found.spectrum.mcev_curve, expected)
    assert float(found.own_effective_ranks[-1]) == 0.0


def test_photographs_of_one_colour_alone_have_no_spectrum():
    flat = TapMoments(
        mean=torch.ones(5, dtype=torch.float64), covariance=torch.zeros(5, 5).double()
    )
    with pytest.raises(NumericalError, match="do not vary"):
        _analyze([flat, flat])
    with pytest.raises(NumericalError, match="no photograph"):
        average([])
