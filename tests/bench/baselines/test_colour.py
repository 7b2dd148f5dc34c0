import numpy as np
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from skimage.color import lab2rgb, rgb2lab

from bench.baselines.colour import lab_to_rgb, rgb_to_lab


def random_image(seed: int, height: int = 9, width: int = 11) -> torch.Tensor:
    return torch.rand(3, height, width, generator=torch.Generator().manual_seed(seed))


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 2**16), darkness=st.sampled_from([1.0, 0.1, 0.01]))
def test_rgb_to_lab_agrees_with_scikit_image(seed: int, darkness: float) -> None:
    image = random_image(seed) * darkness
    expected = rgb2lab(image.double().numpy(), channel_axis=0)
    np.testing.assert_allclose(rgb_to_lab(image).numpy(), expected, atol=2e-3)


def test_lab_to_rgb_agrees_with_scikit_image_inside_the_gamut() -> None:
    image = random_image(1)
    lab = rgb2lab(image.double().numpy(), channel_axis=0)
    expected = lab2rgb(lab, channel_axis=0)
    found = lab_to_rgb(torch.from_numpy(lab).float()).numpy()
    np.testing.assert_allclose(found, expected, atol=1e-4)


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 2**16))
def test_the_round_trip_returns_the_image(seed: int) -> None:
    image = random_image(seed)
    torch.testing.assert_close(lab_to_rgb(rgb_to_lab(image)), image, atol=1e-4, rtol=0)


def test_black_white_and_colours_outside_the_gamut_stay_finite() -> None:
    ends = torch.tensor([0.0, 1.0]).expand(3, 1, 2)
    torch.testing.assert_close(rgb_to_lab(ends)[0, 0], torch.tensor([0.0, 100.0]))
    wild = torch.tensor([-50.0, 150.0]).expand(3, 1, 2)
    assert bool(torch.isfinite(lab_to_rgb(wild)).all())
