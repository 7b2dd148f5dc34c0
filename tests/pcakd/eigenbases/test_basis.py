import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from pcakd.eigenbases import (
    CovarianceStream,
    RankRule,
    fit_eigenbasis,
)
from pcakd.errors import ConfigError, NumericalError, ShapeError


def _images(seed, count=4, channels=7):
    rng = np.random.default_rng(seed)
    mix = rng.normal(size=(channels, channels)) * np.logspace(0, -2, channels)[:, None]
    sizes = rng.integers(6, 12, size=(count, 2))
    return [
        (mix @ rng.normal(size=(channels, h * w)) + rng.normal(size=(channels, 1)) * 5).reshape(
            channels, h, w
        )
        for h, w in sizes
    ]


def _stream(images):
    stream = CovarianceStream()
    for image in images:
        stream.update(torch.from_numpy(image)[None])
    return stream


@given(st.integers(0, 1000), st.integers(1, 7))
def test_the_basis_is_what_svd_finds_on_features_kept_whole(seed, rank):
    images = _images(seed)
    fitted = fit_eigenbasis(_stream(images), tap=1, rule=RankRule(ranks=(rank,) * 4))
    columns = [
        (i.reshape(len(i), -1) - i.reshape(len(i), -1).mean(1, keepdims=True))
        / np.sqrt(i.shape[1] * i.shape[2] * len(images))
        for i in images
    ]
    u, s, _ = np.linalg.svd(np.concatenate(columns, axis=1))
    pixels = sum(column.shape[1] for column in columns)  # summed in float64
    rounding = pixels * np.finfo(np.float64).eps * s[0] ** 2
    np.testing.assert_allclose(fitted.eigenvalues, s**2, rtol=0, atol=rounding)
    # entries are rounded to float32 once, rows and columns have lengths of at most 1
    rounding = 2 * np.finfo(np.float32).eps
    basis = fitted.basis.double().numpy()
    np.testing.assert_allclose(basis @ basis.T, u[:, :rank] @ u[:, :rank].T, rtol=0, atol=rounding)
    np.testing.assert_allclose(basis.T @ basis, np.eye(rank), rtol=0, atol=rounding)
    assert fitted.explained == pytest.approx((s[:rank] ** 2).sum() / (s**2).sum())


@given(st.integers(0, 1000), st.integers(1, 6))
def test_no_other_subspace_reconstructs_better(seed, rank):
    images = _images(seed)
    basis = fit_eigenbasis(_stream(images), tap=1, rule=RankRule(ranks=(rank,) * 4)).basis.double()
    other, _ = torch.linalg.qr(
        torch.randn(7, rank, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))
    )

    def error(w):
        total = 0.0
        for image in images:
            f = torch.from_numpy(image).flatten(1)
            f = f - f.mean(1, keepdim=True)
            total += float((f - w @ (w.T @ f)).square().sum() / f.shape[1])
        return total

    assert error(basis) <= error(other) + 1e-9


def test_explained_variance_rises_with_rank_and_ends_at_one():
    stream = _stream(_images(0))
    curve = stream.mcev_curve
    assert bool((curve.diff() >= -1e-12).all())
    assert float(curve[-1]) == pytest.approx(1.0)


def test_mcev_averages_each_image_s_own_components():
    images = _images(1)
    shares = []
    for image in images:
        values = np.linalg.eigvalsh(np.cov(image.reshape(7, -1), bias=True))[::-1]
        shares.append(values[:3].sum() / values.sum())
    assert float(_stream(images).mcev_curve[2]) == pytest.approx(np.mean(shares))


@pytest.mark.parametrize("rule", ["mcev", "explained"])
def test_a_target_gives_the_smallest_rank_that_reaches_it(rule):
    stream = _stream(_images(2))
    third, fourth = (
        getattr(fit_eigenbasis(stream, tap=2, rule=RankRule(ranks=(k,) * 4)), rule) for k in (3, 4)
    )
    fitted = fit_eigenbasis(stream, tap=2, rule=RankRule(**{rule: (third + fourth) / 2}))
    assert fitted.rank == 4
    assert getattr(fitted, rule) == fourth


def test_a_flat_image_beside_others_counts_as_explained():
    stream = CovarianceStream()
    stream.update(torch.ones(1, 3, 4, 4))
    assert torch.equal(stream.mcev_curve, torch.ones(3, dtype=torch.float64))


@pytest.mark.parametrize("level", [0.0, 0.1, 1e6])
def test_features_that_do_not_vary_have_no_basis(level):
    stream = CovarianceStream()
    stream.update(torch.full((2, 3, 50, 50), level) * torch.tensor([1.0, 0.3, 0.7])[:, None, None])
    with pytest.raises(NumericalError, match="tap 2 do not vary"):
        fit_eigenbasis(stream, tap=2, rule=RankRule(mcev=0.85))


def test_bad_rules_and_features_are_refused():
    with pytest.raises(ConfigError, match="exactly one"):
        RankRule(ranks=(1, 1, 1, 1), mcev=0.5)
    with pytest.raises(ConfigError, match=r"\(0, 1\]"):
        RankRule(mcev=1.5)
    with pytest.raises(ConfigError, match="rank 9 of tap 1 is not between 1 and 7"):
        fit_eigenbasis(_stream(_images(0)), tap=1, rule=RankRule(ranks=(9, 9, 9, 9)))
    with pytest.raises(ShapeError, match="no image"):
        fit_eigenbasis(CovarianceStream(), tap=1, rule=RankRule(mcev=0.5))
