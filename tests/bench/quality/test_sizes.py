import pytest
import torch

from bench.quality.sizes import cut_to_multiple, fit_within
from pcakd.errors import ShapeError


@pytest.mark.parametrize(
    ("size", "multiple", "cut"),
    [((33, 47), 16, (32, 32)), ((32, 48), 16, (32, 48)), ((7, 5), 1, (7, 5))],
)
def test_sides_are_rounded_down_to_multiples(
    size: tuple[int, int], multiple: int, cut: tuple[int, int]
) -> None:
    image = torch.rand(1, 3, *size)
    resized = cut_to_multiple(image, multiple)
    assert tuple(resized.shape[-2:]) == cut
    assert (resized is image) == (size == cut)
    assert 0 <= resized.min() <= resized.max() <= 1


def test_resizing_is_bilinear_without_antialiasing() -> None:
    image = torch.arange(3.0).repeat(1, 3, 2, 1)
    assert cut_to_multiple(image, 2)[0, 0].tolist() == [[0.25, 1.75]] * 2


def test_sides_that_are_too_short_are_refused() -> None:
    with pytest.raises(ShapeError, match=r"the image is 40x15 px .* multiples of 16"):
        cut_to_multiple(torch.rand(1, 3, 15, 40), 16)


@pytest.mark.parametrize(("size", "fitted"), [((90, 200), (29, 64)), ((64, 30), (64, 30))])
def test_images_are_fitted(size: tuple[int, int], fitted: tuple[int, int]) -> None:
    image = torch.rand(1, 3, *size[::-1])
    smaller = fit_within(image, 64)
    assert tuple(smaller.shape[-2:]) == fitted[::-1]
    assert 0 <= smaller.min() <= smaller.max() <= 1
