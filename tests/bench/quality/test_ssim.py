import cv2
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from photographs import load_photograph
from scipy.ndimage import uniform_filter
from torch import Tensor

from bench.quality.ssim import measure_edge_ssim, measure_ssim
from pcakd.errors import ShapeError

pytestmark = pytest.mark.numerics


def random_image(seed: int, height: int = 12, width: int = 15) -> Tensor:
    return torch.rand(1, 3, height, width, generator=torch.Generator().manual_seed(seed))


def reference_ssim(one: Tensor, other: Tensor) -> float:
    """Wang et al.'s formula with a 7 × 7 mean and sample covariances, away from the border."""

    def mean(values: np.ndarray) -> np.ndarray:
        return uniform_filter(values, 7)

    indices = []
    for x, y in zip(one[0].double().numpy(), other[0].double().numpy(), strict=True):
        mx, my, unbias = mean(x), mean(y), 49 / 48
        vx, vy = unbias * (mean(x * x) - mx * mx), unbias * (mean(y * y) - my * my)
        vxy = unbias * (mean(x * y) - mx * my)
        index = (2 * mx * my + 1e-4) * (2 * vxy + 9e-4)
        index /= (mx**2 + my**2 + 1e-4) * (vx + vy + 9e-4)
        indices.append(index[3:-3, 3:-3].mean())
    return float(np.mean(indices))


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 2**16), height=st.integers(7, 20), width=st.integers(7, 20))
def test_ssim_is_the_formula(seed: int, height: int, width: int) -> None:
    one, other = random_image(seed, height, width), random_image(seed + 1, height, width)
    assert measure_ssim(one, other) == pytest.approx(reference_ssim(one, other), abs=1e-5)


@pytest.mark.parametrize("pair", ["01", "06"])
def test_edge_ssim_is_that_of_opencvs_gradients(pair: str) -> None:
    content, style = (load_photograph(f"{pair}_{role}", 90, 120) for role in ("content", "style"))
    output = 0.6 * content + 0.4 * style
    edges = []
    for image in (output, content):
        grey = np.tensordot([0.2125, 0.7154, 0.0721], image[0].double().numpy(), 1)
        across, down = (
            cv2.Sobel(grey, cv2.CV_64F, *order, scale=1 / 4, borderType=cv2.BORDER_REFLECT)
            for order in ((1, 0), (0, 1))
        )
        edges.append(torch.from_numpy(np.hypot(across, down) / np.sqrt(2))[None, None])
    expected = reference_ssim(*edges)
    assert measure_edge_ssim(output, content) == pytest.approx(expected, abs=1e-4)
    assert measure_edge_ssim(content, content) == 1.0


def test_edges_do_not_depend_on_a_colour_cast() -> None:
    content = load_photograph("01_content", 60, 80) * 0.8
    cast = content + torch.tensor([0.1, 0.0, 0.1]).view(3, 1, 1)
    assert measure_edge_ssim(cast, content) == pytest.approx(1, abs=1e-4)
    assert measure_ssim(cast, content) < 0.99


def test_an_image_is_equal_to_itself() -> None:
    assert measure_ssim(random_image(0), random_image(0)) == 1.0


def test_the_order_does_not_matter() -> None:
    one, other = random_image(1), random_image(2)
    assert measure_ssim(one, other) == pytest.approx(measure_ssim(other, one), abs=1e-6)


def test_too_small_an_image_is_named() -> None:
    small = random_image(0, 6, 20)
    with pytest.raises(ShapeError, match="at least 7x7 px, this one is 20x6"):
        measure_ssim(small, small)


def test_two_sizes_are_refused() -> None:
    with pytest.raises(ShapeError, match="the size of its content"):
        measure_ssim(random_image(0), random_image(0, 15, 12))
