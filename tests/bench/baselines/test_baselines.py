from collections.abc import Callable

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from plain_statistics import measure_statistics_reference
from skimage.color import lab2rgb, rgb2lab
from torch import Tensor

from bench.baselines import BASELINES, keep_content, transfer_mkl, transfer_reinhard

Transfer = Callable[[Tensor, Tensor], Tensor]
TRANSFERS = [transfer_mkl, transfer_reinhard]


def random_image(seed: int, height: int = 20, width: int = 24) -> Tensor:
    """Correlated colours well inside the gamut, so that nothing is clipped."""
    generator = torch.Generator().manual_seed(seed)
    mix = torch.eye(3) + 0.3 * torch.rand(3, 3, generator=generator)
    noise = torch.randn(3, height * width, generator=generator).clamp(-2.5, 2.5)
    shift = 0.1 * torch.rand(3, 1, generator=generator)
    return (0.45 + shift + 0.03 * mix @ noise).view(3, height, width)


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 2**16))
def test_mkl_reaches_the_mean_and_covariance_of_the_style(seed: int) -> None:
    content, style = random_image(seed), random_image(seed + 1, 13, 31)
    found = measure_statistics_reference(transfer_mkl(content, style))
    expected = measure_statistics_reference(style)
    torch.testing.assert_close(found.mean, expected.mean, atol=1e-5, rtol=0)
    torch.testing.assert_close(found.covariance, expected.covariance, atol=1e-6, rtol=1e-3)


def test_mkl_is_the_closed_formula() -> None:
    from scipy.linalg import inv, sqrtm

    content, style = random_image(3), random_image(4)
    c, s = (measure_statistics_reference(image) for image in (content, style))
    root = sqrtm(c.covariance.numpy())
    matrix = inv(root) @ sqrtm(root @ s.covariance.numpy() @ root) @ inv(root)
    centred = content.double().flatten(1) - c.mean[:, None]
    expected = (torch.from_numpy(matrix).real @ centred + s.mean[:, None]).view_as(content)
    torch.testing.assert_close(transfer_mkl(content, style).double(), expected, atol=1e-4, rtol=0)


def test_reinhard_is_the_formula_in_scikit_images_lab() -> None:
    content, style = random_image(5), random_image(6, 30, 10)
    a, b = (rgb2lab(image.double().numpy(), channel_axis=0) for image in (content, style))
    moments = [(x.mean((1, 2), keepdims=True), x.std((1, 2), keepdims=True)) for x in (a, b)]
    (mean, deviation), (goal_mean, goal_deviation) = moments
    lab = (a - mean) * goal_deviation / deviation + goal_mean
    expected = torch.from_numpy(lab2rgb(lab, channel_axis=0))
    found = transfer_reinhard(content, style).double()
    torch.testing.assert_close(found, expected, atol=1e-3, rtol=0)


@pytest.mark.parametrize("transfer", TRANSFERS)
def test_a_transfer_to_itself_changes_nothing(transfer: Transfer) -> None:
    image = random_image(7)
    torch.testing.assert_close(transfer(image, image), image, atol=1e-4, rtol=0)


@pytest.mark.parametrize("transfer", TRANSFERS)
def test_a_transfer_clips_and_leaves_its_inputs_alone(transfer: Transfer) -> None:
    content = torch.rand(3, 16, 17, generator=torch.Generator().manual_seed(8))
    style = (torch.rand(3, 5, 40, generator=torch.Generator().manual_seed(9)) > 0.5).float()
    copies = content.clone(), style.clone()
    output = transfer(content, style)
    assert output.shape == content.shape
    assert 0.0 <= float(output.min()) <= float(output.max()) <= 1.0
    assert torch.equal(content, copies[0])
    assert torch.equal(style, copies[1])


@pytest.mark.parametrize("transfer", TRANSFERS)
@pytest.mark.parametrize("flat", ["constant", "grey"])
def test_a_content_without_colour_takes_the_styles_mean(transfer: Transfer, flat: str) -> None:
    grey = random_image(10)[:1].expand(3, -1, -1)
    content = grey if flat == "grey" else torch.full((3, 20, 24), 0.3)
    style = random_image(11)
    output = transfer(content, style)
    assert bool(torch.isfinite(output).all())
    torch.testing.assert_close(output.mean((1, 2)), style.mean((1, 2)), atol=0.02, rtol=0)
    assert float(output.std()) < 0.2


def test_content_is_returned_as_a_copy() -> None:
    content = random_image(12)
    output = keep_content(content, random_image(13))
    assert torch.equal(output, content)
    assert output.data_ptr() != content.data_ptr()


def test_the_names_are_those_of_the_readme() -> None:
    names = ("reinhard", "mkl", "histogram", "idt", "idt-regrain", "content")
    assert BASELINES.names() == names
