"""Crops: what is large enough is a view; what is too small is enlarged; strips are refused."""

from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from pcakd.errors import ImageError
from pcakd.images.crops import cut_centre, enlarge_to, is_flat, require_croppable, to_bytes

SIDES = st.integers(1, 40)


def drawn(height, width):
    generator = torch.Generator().manual_seed(0)
    return torch.randint(256, (3, height, width), generator=generator, dtype=torch.uint8)


@given(SIDES, SIDES, SIDES)
def test_every_crop_has_its_side_and_keeps_the_range(height, width, side):
    image = drawn(height, width)
    enlarged = enlarge_to(image, side)
    crop = cut_centre(enlarged, side)
    assert crop.shape == (3, side, side)
    assert crop.dtype == torch.uint8
    assert min(enlarged.shape[-2:]) == max(side, min(height, width))
    assert image.min() <= crop.min() <= crop.max() <= image.max()
    if side <= min(height, width):
        assert enlarged is image


def test_enlarging_agrees_with_pillow():
    image = drawn(20, 30)
    expected = Image.fromarray(image.permute(1, 2, 0).numpy()).resize(
        (72, 48), Image.Resampling.BILINEAR
    )
    found = enlarge_to(image, 48).permute(1, 2, 0)
    difference = found.int() - torch.frombuffer(
        bytearray(expected.tobytes()), dtype=torch.uint8
    ).view(48, 72, 3)
    assert difference.abs().max() <= 1  # Pillow rounds after each axis


def test_the_centre_is_cut_out_without_a_copy():
    image = drawn(5, 8)
    crop = cut_centre(image, 3)
    assert torch.equal(crop, image[:, 1:4, 2:5])
    assert crop.untyped_storage().data_ptr() == image.untyped_storage().data_ptr()


def test_bytes_return_as_they_were():
    image = drawn(16, 16)
    assert torch.equal(to_bytes(image.float() / 255.0), image)


def test_strips_are_refused():
    require_croppable(Path("a.png"), 20, 400)
    with pytest.raises(ImageError, match=r"a\.png is 401 × 20, too narrow to crop"):
        require_croppable(Path("a.png"), 20, 401)


def test_flat_images_have_one_colour_each():
    image = torch.zeros(2, 3, 4, 4)
    image[0, 1] = 0.5
    assert is_flat(image)
    image[1, 2, 3, 3] = 0.5
    assert not is_flat(image)
    assert not is_flat(image[1])
    assert is_flat(image[0])
