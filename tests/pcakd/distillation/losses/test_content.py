"""Content losses against scikit-image, SciPy and NumPy."""

import numpy as np
import pytest
import torch
from scipy.ndimage import sobel, uniform_filter
from scipy.spatial.distance import cdist
from skimage.metrics import structural_similarity as skimage_ssim

from pcakd.distillation.losses.content import (
    gradient_magnitude,
    multiscale_similarity,
    perceptual_distance,
    self_similarity_distance,
    structural_similarity,
    unit_vectors,
)


def _random(*shape, seed=0):
    return torch.rand(*shape, generator=torch.Generator().manual_seed(seed))


def test_similarity_is_that_of_scikit_image():
    one, other = _random(2, 3, 24, 30), _random(2, 3, 24, 30, seed=1)
    expected = np.mean(
        [
            skimage_ssim(a.numpy(), b.numpy(), channel_axis=0, data_range=1.0)
            for a, b in zip(one, other, strict=True)
        ]
    )
    # scikit-image averages inner windows alone, and so do we
    assert float(structural_similarity(one, other)) == pytest.approx(expected, abs=1e-5)
    assert float(structural_similarity(one, one)) == pytest.approx(1.0, abs=1e-6)


def test_gradients_are_those_of_scipy():
    image = _random(2, 3, 12, 15)
    grey = image.double().mean(dim=1).numpy()
    expected = [np.hypot(sobel(g, axis=0), sobel(g, axis=1))[1:-1, 1:-1] / 4.0 for g in grey]
    found = gradient_magnitude(image)[:, 0].numpy()
    np.testing.assert_allclose(found, np.stack(expected), atol=1e-3)
    step = torch.zeros(1, 3, 8, 8)
    step[..., 4:] = 1.0
    assert float(gradient_magnitude(step).max()) == pytest.approx(1.0, abs=1e-5)


def test_equal_images_have_no_distance():
    taps = [_random(2, 6, 9, 7)]
    units = [unit_vectors(tap) for tap in taps]
    # squared lengths have 1e-6 added before they divide
    short = 1e-6 / float(taps[0].square().sum(dim=1).min())
    rounding = 16 * torch.finfo(torch.float32).eps  # six squares, a root, six squares again
    torch.testing.assert_close(
        units[0].square().sum(dim=1), torch.ones(2, 9, 7), rtol=0, atol=short + rounding
    )
    assert float(perceptual_distance(taps, units)) == 0.0
    assert float(perceptual_distance(taps, [-unit for unit in units])) == pytest.approx(
        4.0, abs=4 * (short + rounding)
    )


def _multiscale(one, other, exponents):
    """MS-SSIM of two grey images as the formula says it, window by window."""

    def windows(values):
        return uniform_filter(values, 7)[3:-3, 3:-3]

    product = 1.0
    for scale, exponent in enumerate(exponents, start=1):
        means = windows(one), windows(other)
        variances = [49 / 48 * (windows(a * a) - windows(a) ** 2) for a in (one, other)]
        common = 49 / 48 * (windows(one * other) - means[0] * means[1])
        index = (2 * common + 9e-4) / (sum(variances) + 9e-4)
        if scale == len(exponents):
            index *= (2 * means[0] * means[1] + 1e-4) / (means[0] ** 2 + means[1] ** 2 + 1e-4)
        product *= index.mean() ** (exponent / sum(exponents))
        one, other = (
            a.reshape(a.shape[0] // 2, 2, a.shape[1] // 2, 2).mean(axis=(1, 3))
            for a in (one, other)
        )
    return product


@pytest.mark.parametrize(
    ("side", "exponents"), [(16, (0.0448, 0.2856)), (32, (0.0448, 0.2856, 0.3001))]
)
def test_multiscale_similarity_is_the_product_of_its_scales(side, exponents):
    one = _random(1, 1, side, side).double()
    other = (one + 0.1 * _random(1, 1, side, side, seed=1)).double()
    expected = _multiscale(one[0, 0].numpy(), other[0, 0].numpy(), exponents)
    assert float(multiscale_similarity(one, other)) == pytest.approx(expected, rel=1e-6)
    assert float(multiscale_similarity(one, one)) == pytest.approx(1.0, abs=1e-6)


def test_images_of_one_window_have_one_scale():
    one, other = _random(2, 3, 7, 9), _random(2, 3, 7, 9, seed=1)
    similar = 0.9 * one + 0.1 * other
    expected = structural_similarity(one[:1], similar[:1])
    found = multiscale_similarity(one[:1], similar[:1])
    torch.testing.assert_close(found, expected)


def test_opposite_images_have_finite_gradients():
    image = _random(1, 3, 32, 32).requires_grad_()
    similarity = multiscale_similarity(image, 1.0 - image.detach())
    similarity.backward()
    assert 0.0 <= similarity.item() < 0.2
    assert bool(image.grad.isfinite().all())


def test_self_similarity_is_that_of_scipy():
    one, other = _random(1, 5, 6, 7), _random(1, 5, 6, 7, seed=1)

    def distances(features):
        pixels = features[0].flatten(1).T.double().numpy()
        found = cdist(pixels, pixels, "cosine")
        return found / found.mean(axis=0)

    expected = np.abs(distances(one) - distances(other)).mean()
    assert float(self_similarity_distance([one], [other])) == pytest.approx(expected, rel=1e-4)


def test_self_similarity_lets_features_turn_and_grow():
    features = _random(2, 4, 8, 8)
    rotation = torch.linalg.qr(_random(4, 4, seed=1))[0]
    turned = 3.0 * torch.einsum("dc,bchw->bdhw", rotation, features)
    assert float(self_similarity_distance([turned], [features])) < 1e-4
    assert float(self_similarity_distance([features.flip(-1)], [features])) > 0.1


def test_large_maps_are_compared_on_a_grid():
    one, other = _random(1, 4, 64, 47), _random(1, 4, 64, 47, seed=1)
    found = self_similarity_distance([one], [other])
    expected = self_similarity_distance([one[..., ::3, ::2]], [other[..., ::3, ::2]])
    torch.testing.assert_close(found, expected)
