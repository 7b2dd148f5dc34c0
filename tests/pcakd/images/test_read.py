"""Image files are read right or refused in one line."""

from io import BytesIO

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from image_files import PIXELS, RNG, as_bytes, one_line, png_chunk, png_header
from PIL import Image, ImageOps

from pcakd.errors import ImageError
from pcakd.images import load_image, save_image


def test_one_pixel_and_reduced_precision(tmp_path):
    image = torch.full((3, 1, 1), 0.5, dtype=torch.bfloat16)
    save_image(tmp_path / "a.png", image)
    assert load_image(tmp_path / "a.png").shape == (3, 1, 1)


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("suffix", ["png", "tif", "webp"])
def test_exif_rotation_is_applied(tmp_path, orientation, suffix):
    path = tmp_path / f"a.{suffix}"
    exif = Image.Exif()
    exif[0x0112] = orientation
    Image.fromarray(PIXELS).save(path, exif=exif, lossless=True)
    with Image.open(path) as image:
        expected = np.asarray(ImageOps.exif_transpose(image).convert("RGB"))
    assert expected.shape[0] == (31 if orientation > 4 else 17)
    np.testing.assert_array_equal(as_bytes(load_image(path)), expected)


def test_damaged_exif_is_ignored(tmp_path):
    path = tmp_path / "a.png"
    Image.fromarray(PIXELS).save(path, exif=b"Exif\x00\x00MM\x00*\x00\x00\x00\x08\xff\xff\x01")
    np.testing.assert_array_equal(as_bytes(load_image(path)), PIXELS)


def test_first_of_several_frames(tmp_path):
    first, second = Image.fromarray(PIXELS), Image.new("RGB", (31, 17), "red")
    first.save(tmp_path / "a.png", save_all=True, append_images=[second])
    first.save(tmp_path / "a.tif", save_all=True, append_images=[second])
    for name in ("a.png", "a.tif"):
        np.testing.assert_array_equal(as_bytes(load_image(tmp_path / name)), PIXELS)


@pytest.mark.parametrize("suffix", ["png", "jpg", "webp", "tif", "bmp"])
@pytest.mark.parametrize("share", [0.02, 0.3, 0.9])
def test_truncated_files_are_refused(tmp_path, suffix, share):
    whole = tmp_path / f"whole.{suffix}"
    Image.fromarray(RNG.integers(0, 256, (64, 64, 3), dtype=np.uint8)).save(whole)
    data = whole.read_bytes()
    path = tmp_path / f"cut.{suffix}"
    path.write_bytes(data[: int(len(data) * share)])
    with pytest.raises(ImageError) as error:
        load_image(path)
    one_line(error, str(path))


@given(st.integers(0, 2**32 - 1))
def test_damaged_files_end_in_a_picture_or_in_our_error(tmp_path_factory, seed):
    rng = np.random.default_rng(seed)
    folder = tmp_path_factory.mktemp("fuzz")
    for kind in ("PNG", "JPEG", "TIFF", "WEBP", "BMP"):
        stream = BytesIO()
        Image.fromarray(PIXELS).save(stream, format=kind)
        data = np.frombuffer(stream.getvalue(), dtype=np.uint8).copy()
        data[rng.integers(0, len(data), 4)] = rng.integers(0, 256, 4)
        (folder / "a").write_bytes(data.tobytes())
        text = ""
        try:
            image = load_image(folder / "a")
            assert torch.isfinite(image).all()
        except ImageError as error:
            text = str(error)
        assert "\n" not in text


def test_huge_header_is_refused_before_decoding(tmp_path):
    path = tmp_path / "bomb.png"
    path.write_bytes(png_header(30000, 30000) + png_chunk(b"IDAT", b"") + png_chunk(b"IEND", b""))
    with pytest.raises(ImageError, match="30000 x 30000") as error:
        load_image(path)
    one_line(error, "300 million", str(path))
    path.write_bytes(png_header(30000, 30000))
    with pytest.raises(ImageError) as error:
        load_image(path)
    one_line(error, str(path))


def test_between_pillows_limit_and_ours_is_read(tmp_path, monkeypatch):
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 100)  # 17 x 31 is far beyond twice that
    Image.fromarray(PIXELS).save(tmp_path / "a.png")
    assert load_image(tmp_path / "a.png").shape == (3, 17, 31)
    assert Image.MAX_IMAGE_PIXELS == 100
    monkeypatch.setattr("pcakd.images.read.MAX_PIXELS", 500)
    with pytest.raises(ImageError, match="31 x 17"):
        load_image(tmp_path / "a.png")


def test_what_is_not_an_image_is_refused(tmp_path):
    (tmp_path / "text.png").write_text("I am not an image\n" * 50)
    (tmp_path / "empty.jpg").write_bytes(b"")
    (tmp_path / "script.png").write_bytes(b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n")
    for name in ("text.png", "empty.jpg", "script.png"):
        with pytest.raises(ImageError, match="not an image") as error:
            load_image(tmp_path / name)
        one_line(error, name, "PNG")


def test_missing_file_and_folder(tmp_path):
    with pytest.raises(ImageError, match="does not exist"):
        load_image(tmp_path / "none.png")
    with pytest.raises(ImageError, match="is a folder"):
        load_image(tmp_path)


def test_permission_and_memory_are_named(tmp_path, monkeypatch):
    Image.fromarray(PIXELS).save(tmp_path / "a.png")
    for cause, message in (
        (PermissionError(13, "Permission denied"), "permission denied; change its mode"),
        (MemoryError(), "does not fit into memory; make it smaller"),
    ):

        def fail(*args, error=cause, **options):
            raise error

        monkeypatch.setattr(Image, "open", fail)
        with pytest.raises(ImageError, match=message) as error:
            load_image(tmp_path / "a.png")
        one_line(error, "a.png")
