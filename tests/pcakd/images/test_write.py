"""Tensors become image files, whole or not at all."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from image_files import PIXELS, as_bytes, one_line
from PIL import Image

from pcakd.errors import ConfigError, ImageError, OutputError, ShapeError
from pcakd.images import load_image, save_image

pytestmark = pytest.mark.numerics


@pytest.mark.parametrize("suffix", [".png", ".tif", ".bmp"])
def test_lossless_formats_round_trip(tmp_path, suffix):
    path = tmp_path / f"a{suffix}"
    image = torch.from_numpy(PIXELS).permute(2, 0, 1) / 255
    save_image(path, image)
    loaded = load_image(path)
    assert loaded.dtype == torch.float32
    assert loaded.is_contiguous()
    assert torch.equal(loaded, image)
    assert [p.name for p in tmp_path.iterdir()] == [path.name]


@given(st.lists(st.floats(-0.015625, 1.015625, width=32), min_size=3, max_size=3))
def test_values_are_clipped_and_rounded_to_the_nearest_level(tmp_path_factory, values):
    path = tmp_path_factory.mktemp("round") / "a.png"
    image = torch.tensor(values).reshape(3, 1, 1)
    save_image(path, image)
    assert (load_image(path) - image.clamp(0, 1)).abs().max() <= 0.5 / 255 + 1e-6


@pytest.mark.parametrize("suffix", [".jpg", ".jpeg", ".JPG", ".webp"])
def test_lossy_formats_stay_near(tmp_path, suffix):
    path = tmp_path / f"a{suffix}"
    image = torch.zeros(3, 33, 18)
    image[0, :, ::2] = 1.0  # red columns one pixel wide: chroma subsampling would smear them
    save_image(path, image)
    tolerance = 0.5 if suffix == ".webp" else 0.1
    assert (load_image(path) - image).abs().max() < tolerance


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_values_that_are_not_finite_are_not_written(tmp_path, value):
    image = torch.zeros(3, 4, 4)
    image[1, 2, 3] = value
    with pytest.raises(ImageError, match="not finite"):
        save_image(tmp_path / "a.png", image)
    assert list(tmp_path.iterdir()) == []


def test_unwritable_places(tmp_path):
    image = torch.zeros(3, 4, 4)
    for name in ("a.gif", "a", "a.png.txt"):
        with pytest.raises(OutputError, match=r"\.png \.jpg"):
            save_image(tmp_path / name, image)
    with pytest.raises(OutputError, match="does not exist"):
        save_image(tmp_path / "none" / "a.png", image)
    (tmp_path / "b.png").mkdir()
    with pytest.raises(OutputError, match="is a folder"):
        save_image(tmp_path / "b.png", image)


def test_too_large_for_the_format_leaves_the_old_file(tmp_path):
    path = tmp_path / "a.webp"
    path.write_bytes(b"old")
    with pytest.raises(OutputError) as error:
        save_image(path, torch.zeros(3, 1, 20000))
    one_line(error, "a.webp")
    assert path.read_bytes() == b"old"
    assert [p.name for p in tmp_path.iterdir()] == ["a.webp"]


@pytest.mark.parametrize("shape", [(1, 4, 4), (4, 4), (3, 0, 4), (1, 3, 4, 4)])
def test_wrong_shapes_are_refused(tmp_path, shape):
    with pytest.raises(ShapeError, match="expected"):
        save_image(tmp_path / "a.png", torch.zeros(shape))


@pytest.mark.parametrize("suffix", [".jpg", ".webp"])
def test_a_lower_quality_is_a_smaller_file(tmp_path, suffix):
    image = torch.from_numpy(PIXELS).permute(2, 0, 1) / 255
    sizes = []
    for quality in (30, 95):
        save_image(tmp_path / f"a{suffix}", image, quality=quality)
        sizes.append((tmp_path / f"a{suffix}").stat().st_size)
    assert sizes[0] < sizes[1]


def test_other_types_give_the_same_file(tmp_path):
    image = torch.from_numpy(PIXELS).permute(2, 0, 1)
    kinds = (
        image,
        image / 255,
        image.double() / 255,
        PIXELS,
        PIXELS / 255,
        Image.fromarray(PIXELS),
    )
    for kind in kinds:
        save_image(tmp_path / "a.png", kind)
        np.testing.assert_array_equal(np.asarray(Image.open(tmp_path / "a.png")), PIXELS)


@pytest.mark.parametrize(
    ("image", "message"),
    [
        (torch.full((3, 4, 4), 255.0), "divide by 255"),
        (torch.full((3, 4, 4), -0.5), "expected values in"),
        (np.full((4, 4, 3), 255.0), "divide by 255"),
        (torch.ones(3, 4, 4, dtype=torch.int64), "is int64"),
        (torch.ones(3, 4, 4).to_sparse(), "dense"),
        (np.ones((3, 4, 4)), r"expected \(h, w, 3\)"),
        (None, "is None"),
    ],
)
def test_what_is_no_image_is_refused(tmp_path, image, message):
    with pytest.raises(ShapeError, match=message) as error:
        save_image(tmp_path / "a.png", image)
    one_line(error, "a.png")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("quality", [0, 101, "a", None, 9.5])
def test_qualities_out_of_range_are_refused(tmp_path, quality):
    with pytest.raises(ConfigError, match="quality must lie in 1 to 100"):
        save_image(tmp_path / "a.jpg", torch.zeros(3, 4, 4), quality=quality)
    assert list(tmp_path.iterdir()) == []


def test_images_of_many_rows_are_converted_in_parts(tmp_path):
    rows = torch.linspace(0, 1, 700).reshape(1, 700, 1).expand(3, 700, 2)
    save_image(tmp_path / "a.png", rows)
    np.testing.assert_array_equal(as_bytes(load_image(tmp_path / "a.png")), as_bytes(rows))
