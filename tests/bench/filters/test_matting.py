"""PhotoWCT's smoothing against a dense solution of its formula."""

import itertools

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from seeded_inputs import seeded_photo

from bench.filters import matting
from bench.filters.matting import BETA, create_system, smooth_by_matting
from pcakd.errors import NumericalError, ShapeError


def affinities_by_definition(guide):
    """Levin et al.: (1 + (I_i - μ)ᵀ (Σ + ε/9 I)⁻¹ (I_j - μ)) / 9 summed over common windows."""
    height, width = guide.shape[:2]
    numbers = np.arange(height * width).reshape(height, width)
    result = np.zeros((height * width, height * width))
    for y, x in itertools.product(range(height - 2), range(width - 2)):
        inside = numbers[y : y + 3, x : x + 3].ravel()
        colours = guide.reshape(-1, 3)[inside]
        centred = colours - colours.mean(axis=0)
        covariance = centred.T @ centred / 9 + 1e-7 / 9 * np.eye(3)
        result[np.ix_(inside, inside)] += (1 + centred @ np.linalg.solve(covariance, centred.T)) / 9
    return result


def solved_densely(image, guide):
    image, guide = (np.pad(each, ((2, 2), (2, 2), (0, 0)), mode="edge") for each in (image, guide))
    affinities = affinities_by_definition(guide)
    scale = 1 / np.sqrt(affinities.sum(axis=1))
    normalised = scale[:, None] * affinities * scale
    system = np.eye(len(scale)) - BETA * normalised
    solved = np.linalg.solve(system, (1 - BETA) * image.reshape(-1, 3))
    return solved.reshape(image.shape)[2:-2, 2:-2]


def as_tensor(image):
    return torch.from_numpy(image).permute(2, 0, 1)


@settings(max_examples=15, deadline=None)
@given(st.integers(1, 9), st.integers(1, 9), st.integers(1, 70), st.integers(0, 2**31))
def test_the_result_is_that_of_the_formula(height, width, rows, seed):
    generator = np.random.default_rng(seed)
    guide = generator.uniform(0.2, 0.8, (height, width, 3))
    image = generator.uniform(0.2, 0.8, (height, width, 3))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(matting, "_BAND_ROWS", rows)
        result = smooth_by_matting(as_tensor(image), as_tensor(guide))
    expected = solved_densely(image, guide).clip(0, 1)
    np.testing.assert_allclose(result.permute(1, 2, 0), expected, atol=2e-4)


def test_the_system_is_that_of_the_definition():
    guide = np.random.default_rng(0).uniform(size=(6, 8, 3))
    matrix, degrees = create_system(guide)
    assert matrix.data.flags.c_contiguous  # otherwise each product would copy it
    expected = affinities_by_definition(guide)
    np.testing.assert_allclose(degrees.ravel(), expected.sum(axis=1), atol=1e-9)
    np.testing.assert_allclose(
        matrix.toarray(), np.diag(degrees.ravel()) - BETA * expected, atol=1e-9
    )


def test_a_larger_image_is_solved_as_closely():
    guide = seeded_photo(40, 56).double().permute(1, 2, 0).numpy()
    image = seeded_photo(40, 56, seed=1).double().permute(1, 2, 0).numpy()
    difference = smooth_by_matting(as_tensor(image), as_tensor(guide)).permute(1, 2, 0).numpy()
    difference -= solved_densely(image, guide).clip(0, 1)
    assert np.sqrt(np.square(difference).mean()) < 3e-5
    assert np.abs(difference).max() < 1e-3


def test_noise_goes_where_the_content_is_smooth_and_its_edges_stay():
    guide = torch.full((3, 40, 60), 0.3)
    guide[:, :, 30:] = 0.7
    noise = torch.randn(3, 40, 60, generator=torch.Generator().manual_seed(0))
    result = smooth_by_matting(guide.flip(-1) + 0.05 * noise, guide)
    for half, level in ((np.s_[:, 5:-5, 5:25], 0.7), (np.s_[:, 5:-5, 35:55], 0.3)):
        assert float(result[half].std()) < 0.01
        assert float(result[half].mean()) == pytest.approx(level, abs=0.03)
    assert float((result[:, 5:-5, 29] - result[:, 5:-5, 30]).min()) > 0.3


def test_the_type_of_the_image_stays():
    image = seeded_photo(16, 20).to(torch.bfloat16)
    assert smooth_by_matting(image, image).dtype == torch.bfloat16


def test_images_of_different_sizes_are_refused():
    with pytest.raises(ShapeError, match="guide is"):
        smooth_by_matting(torch.rand(3, 8, 8), torch.rand(3, 8, 9))


def test_an_image_that_is_not_finite_is_refused():
    image = torch.rand(3, 8, 8)
    with pytest.raises(NumericalError, match="not finite"):
        smooth_by_matting(image * torch.nan, image)


def test_a_solver_that_does_not_converge_says_so(monkeypatch):
    monkeypatch.setattr(matting, "_MAX_STEPS", 1)
    with pytest.raises(NumericalError, match="does not converge"):
        smooth_by_matting(seeded_photo(16, 16), seeded_photo(16, 16, seed=1))
