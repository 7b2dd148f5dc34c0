import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from pcakd.errors import ConfigError, NumericalError, ShapeError
from pcakd.luts import ColourSamples, apply_lut, fit_lut


def _samples(function, *, low=0.0, high=1.0, side=120, seed=0):
    image = torch.rand(3, side, side, generator=torch.Generator().manual_seed(seed))
    image = low + (high - low) * image
    samples = ColourSamples(seed=seed)
    samples.add(image, function(image))
    return samples


def _curve(image):
    """A map of colours that is neither affine nor separable."""
    mixed = 0.7 * image + 0.3 * image.roll(1, 0)
    return mixed**1.5


@settings(max_examples=10)
@given(st.integers(0, 1000))
def test_an_affine_map_is_found_exactly(seed):
    rng = np.random.default_rng(seed)
    matrix = torch.from_numpy(0.3 * rng.random((3, 3))).float()

    def affine(image):
        return torch.einsum("oc,chw->ohw", matrix, image) + 0.05

    fit = fit_lut(_samples(affine, side=40), size=5)
    image = torch.rand(3, 8, 8, generator=torch.Generator().manual_seed(seed))
    torch.testing.assert_close(apply_lut(fit.lut, image), affine(image), rtol=0, atol=1e-4)
    assert fit.error < 1e-4


def test_a_curve_is_followed_where_there_are_pixels():
    fit = fit_lut(_samples(_curve), size=17, smoothness=1e-3)
    image = 0.1 + 0.8 * torch.rand(3, 16, 16, generator=torch.Generator().manual_seed(5))
    assert float((apply_lut(fit.lut, image) - _curve(image)).abs().max()) < 0.01
    assert fit.error < 0.005
    assert fit.change > 20 * fit.error


def test_missing_colours_continue_smoothly():
    """The photographs are dark: bright colours must not jump, turn over or leave [0, 1]."""
    fit = fit_lut(_samples(_curve, high=0.4), size=17)
    values = fit.lut.values
    grey = torch.stack([values[i, i, i] for i in range(17)])
    steps = grey.diff(dim=0)
    assert bool((steps > -1e-4).all())
    assert float(steps.diff(dim=0).abs().max()) < 0.05
    assert float(values.min()) >= 0.0
    assert float(values.max()) <= 1.0


def test_more_smoothness_is_smoother_and_further_from_the_student():
    samples = _samples(lambda image: 0.3 + 0.4 * _curve(image))  # far from clipping
    fits = [fit_lut(samples, size=9, smoothness=s) for s in (1e-3, 1.0, 100.0)]
    errors = [fit.error for fit in fits]
    assert errors == sorted(errors)
    bends = [fit.lut.values.diff(dim=0).diff(dim=0) for fit in fits]
    rough = [float(each.square().sum()) for each in bends]
    assert rough[0] > rough[1] > rough[2]


def test_a_photograph_of_one_colour_moves_that_colour_and_keeps_the_order_of_others():
    image = torch.full((3, 20, 20), 0.5)
    samples = ColourSamples()
    samples.add(image, image - 0.2)
    lut = fit_lut(samples, size=9).lut
    moved = apply_lut(lut, image[:, :1, :1]).flatten()
    torch.testing.assert_close(moved, torch.full((3,), 0.3), rtol=0, atol=0.01)
    grey = torch.stack([lut.values[i, i, i, 0] for i in range(9)])
    assert bool((grey.diff() >= -1e-6).all())


def test_the_error_is_of_pixels_that_the_fit_did_not_see():
    """Random results cannot be predicted: the error must be that of the noise."""
    noise = torch.rand(3, 30, 30, generator=torch.Generator().manual_seed(9))
    fit = fit_lut(_samples(lambda image: noise, side=30), size=33, smoothness=1e-6)
    assert fit.error > 0.2


def test_pixels_are_drawn_from_both_images_alike():
    samples = ColourSamples(per_photograph=50)
    image = torch.rand(3, 20, 20)
    samples.add(image, 1.0 - image)
    samples.add(image[:, :5], 1.0 - image[:, :5])
    assert samples.before.shape == (100, 3)
    torch.testing.assert_close(samples.after, (1.0 - samples.before.float()).double())


def test_bad_inputs_are_errors():
    samples = _samples(_curve, side=10)
    for size in (1, 66):
        with pytest.raises(ConfigError, match="size must be"):
            fit_lut(samples, size=size)
    for smoothness in (0.0, -1.0, float("nan"), float("inf")):
        with pytest.raises(ConfigError, match="smoothness"):
            fit_lut(samples, smoothness=smoothness)
    with pytest.raises(NumericalError, match="20 pixels"):
        fit_lut(ColourSamples())
    with pytest.raises(NumericalError, match="finite"):
        fit_lut(_samples(lambda image: image * torch.nan, side=10))
    with pytest.raises(ShapeError, match="differ"):
        ColourSamples().add(torch.rand(3, 4, 4), torch.rand(3, 4, 5))
