"""Maps that take the statistics of content to those of style."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy.linalg import sqrtm

from pcakd.errors import UnknownNameError
from pcakd.linalg import Statistics, measure_batch, measure_statistics
from pcakd.transforms import TRANSFORMS, apply_affine, blend_with_identity, fit_transform


def _photo_like(seed, channels=6, size=24):
    generator = torch.Generator().manual_seed(seed)
    mix = torch.randn(channels, channels, generator=generator, dtype=torch.float64)
    mix += 4.0 * torch.eye(channels, dtype=torch.float64)  # whitening a flat direction is noise
    noise = torch.randn(channels, size * size, generator=generator, dtype=torch.float64)
    return (mix @ noise + 3.0 * mix.sum(1, keepdim=True)).reshape(channels, size, size)


@given(st.integers(0, 1000), st.sampled_from(["zca", "ot"]))
def test_transformed_features_have_the_style_moments(seed, name):
    content, style = _photo_like(seed), _photo_like(seed + 1)
    source, target = measure_statistics(content), measure_statistics(style)
    affine = fit_transform(name, source, target, regularizer=0.0)
    result = measure_statistics(apply_affine(content[None], affine)[0])
    # whitening magnifies the rounding of three products of 6 × 6 matrices by the condition
    condition = float(torch.linalg.cond(source.covariance))
    scale = float(target.covariance.abs().max())
    rounding = 3 * 6 * torch.finfo(torch.float64).eps * condition * scale
    torch.testing.assert_close(result.mean, target.mean, rtol=0, atol=rounding)
    torch.testing.assert_close(result.covariance, target.covariance, rtol=0, atol=rounding)


@given(st.integers(0, 1000))
def test_adain_matches_each_channel_alone(seed):
    content, style = _photo_like(seed), _photo_like(seed + 1)
    source, target = measure_statistics(content), measure_statistics(style)
    affine = fit_transform("adain", source, target, regularizer=0.0)
    result = apply_affine(content[None], affine)[0]
    torch.testing.assert_close(result.std(dim=(1, 2)), style.std(dim=(1, 2)))
    torch.testing.assert_close(result.mean(dim=(1, 2)), style.mean(dim=(1, 2)))


def test_zca_with_the_regularizer_follows_the_published_formula():
    content, style = (measure_statistics(_photo_like(seed)) for seed in (3, 4))
    affine = fit_transform("zca", content, style, regularizer=1.0)
    eye = torch.eye(6, dtype=torch.float64)
    roots = []
    for covariance in (style.covariance, content.covariance):
        u, s, _ = torch.linalg.svd(covariance + eye)
        roots.append((u, s))
    (us, ss), (uc, sc) = roots
    expected = us @ torch.diag(ss**0.5) @ us.T @ uc @ torch.diag(sc**-0.5) @ uc.T
    torch.testing.assert_close(affine.matrix, expected, rtol=1e-8, atol=1e-8)


def test_an_unknown_transform_names_the_known_ones():
    moments = measure_statistics(_photo_like(0))
    with pytest.raises(UnknownNameError, match=r"'zac' is not known; did you mean 'zca'\?"):
        fit_transform("zac", moments, moments, regularizer=1.0)


@given(st.integers(0, 100), st.sampled_from(["zca", "ot"]), st.sampled_from([0.1, 3.0, 20.0]))
def test_the_regularizer_goes_with_the_square_of_the_features(seed, name, scale):
    """Features and λ in another unit are the same map, up to that unit of its offset."""
    content, style = _photo_like(seed), _photo_like(seed + 1)
    plain, scaled = (
        fit_transform(
            name,
            measure_statistics(content * unit),
            measure_statistics(style * unit),
            regularizer=0.7 * unit**2,
        )
        for unit in (1.0, scale)
    )
    torch.testing.assert_close(scaled.matrix, plain.matrix, rtol=1e-6, atol=1e-7)
    torch.testing.assert_close(scaled.offset, plain.offset * scale, rtol=1e-6, atol=1e-6)


def test_ot_with_a_regularizer_of_one_follows_the_published_formula():
    content, style = (measure_statistics(_photo_like(seed)) for seed in (3, 4))
    eye = np.eye(6)
    square = content.covariance.numpy() + eye
    root = sqrtm(square)
    middle = sqrtm(root @ style.covariance.numpy() @ root + eye)
    expected = np.linalg.inv(root) @ middle @ np.linalg.inv(root)
    found = fit_transform("ot", content, style, regularizer=1.0).matrix
    np.testing.assert_allclose(found.numpy(), expected.real, rtol=1e-7, atol=1e-8)


@pytest.mark.parametrize("name", TRANSFORMS)
@pytest.mark.parametrize("strength", [1.0, 0.4])
def test_batches_are_transformed_like_single_images(name, strength):
    contents = torch.stack([_photo_like(seed) for seed in range(3)])
    styles = torch.stack([_photo_like(seed, size=17) for seed in range(5, 8)])
    for targets, each in ((styles, styles), (styles[:1], styles[:1].expand(3, -1, -1, -1))):
        affine = fit_transform(
            name, measure_batch(contents), measure_batch(targets), regularizer=0.3
        )
        found = apply_affine(contents, blend_with_identity(affine, strength))
        for result, content, style in zip(found, contents, each, strict=True):
            single = fit_transform(
                name, measure_statistics(content), measure_statistics(style), regularizer=0.3
            )
            expected = apply_affine(content[None], blend_with_identity(single, strength))[0]
            torch.testing.assert_close(result, expected, rtol=1e-9, atol=1e-9)


def _of_low_rank(seed, rank, channels=6, pixels=200):
    generator = torch.Generator().manual_seed(seed)
    factor = torch.randn(channels, rank, generator=generator, dtype=torch.float64)
    features = factor @ torch.randn(rank, pixels, generator=generator, dtype=torch.float64)
    return features.reshape(channels, 10, -1) + 2.0


@pytest.mark.parametrize("name", TRANSFORMS)
@pytest.mark.parametrize("rank", [0, 3])
def test_without_a_regularizer_directions_without_variance_are_dropped(name, rank):
    """At λ = 0 the map gives flat features the style's mean and no invented variance."""
    content, style = _of_low_rank(0, rank), _photo_like(1)
    source, target = measure_statistics(content), measure_statistics(style)
    affine = fit_transform(name, source, target, regularizer=0.0)
    assert bool(affine.matrix.isfinite().all())
    result = measure_statistics(apply_affine(content[None], affine)[0])
    torch.testing.assert_close(result.mean, target.mean, rtol=1e-8, atol=1e-8)
    if name != "adain" and rank:
        # the image of a whitened subspace: as many directions with variance as the content has
        values = torch.linalg.eigvalsh(result.covariance)
        assert int((values > 1e-6 * values[-1]).sum()) == rank
    if not rank:
        assert float(result.covariance.abs().max()) < 1e-12


@pytest.mark.parametrize("name", TRANSFORMS)
@pytest.mark.parametrize("rank", [0, 3, 6])
def test_gradients_at_lambda_zero_are_finite_differences(name, rank):
    """Covariances change within their range, as those of features of that rank do."""
    basis = torch.linalg.eigh(measure_statistics(_photo_like(2)).covariance)[1][:, :rank]
    inner = torch.diag(torch.linspace(1.0, 3.0, rank, dtype=torch.float64))
    target = measure_statistics(_photo_like(4))

    def call(inner, style):
        source = Statistics(
            mean=torch.ones(6, dtype=torch.float64),
            covariance=basis @ (0.5 * (inner + inner.mT)) @ basis.mT,
        )
        goal = Statistics(mean=target.mean, covariance=0.5 * (style + style.mT))
        affine = fit_transform(name, source, goal, regularizer=0.0)
        return affine.matrix, affine.offset

    inputs = (inner.requires_grad_(), target.covariance.clone().requires_grad_())
    assert torch.autograd.gradcheck(call, inputs, eps=1e-7, atol=1e-4, rtol=1e-4)
