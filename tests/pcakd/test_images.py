"""Image files: every kind of picture is read right or refused in one line."""

import struct
import zlib
from io import BytesIO
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageCms, ImageOps

from pcakd import images
from pcakd.errors import ImageError, OutputError, PcakdError, ShapeError
from pcakd.images import image_format, list_images, load_image, save_image

RNG = np.random.default_rng(0)
PIXELS = RNG.integers(0, 256, (17, 31, 3), dtype=np.uint8)


def as_bytes(image: torch.Tensor) -> np.ndarray:
    return (image * 255).round().to(torch.uint8).permute(1, 2, 0).numpy()


def one_line(error: pytest.ExceptionInfo[PcakdError], *words: str) -> None:
    text = str(error.value)
    assert "\n" not in text
    for word in words:
        assert word in text


def png_chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def png_header(width: int, height: int) -> bytes:
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + png_chunk(b"IHDR", header)


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


@given(st.lists(st.floats(-0.5, 1.5, width=32), min_size=3, max_size=3))
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


def test_one_pixel_and_reduced_precision(tmp_path):
    image = torch.full((3, 1, 1), 0.5, dtype=torch.bfloat16)
    save_image(tmp_path / "a.png", image)
    assert load_image(tmp_path / "a.png").shape == (3, 1, 1)


@pytest.mark.parametrize("mode", ["L", "1", "P", "RGBA", "LA", "CMYK"])
def test_every_mode_becomes_rgb(tmp_path, mode):
    source = Image.fromarray(PIXELS).convert(mode)
    path = tmp_path / "a.tif"
    source.save(path)
    expected = np.asarray(source.convert("RGB"))
    np.testing.assert_array_equal(as_bytes(load_image(path)), expected)


def test_cmyk_jpeg_has_its_colours(tmp_path):
    path = tmp_path / "a.jpg"
    Image.new("RGB", (20, 20), (200, 60, 30)).convert("CMYK").save(path, quality=100)
    np.testing.assert_allclose(as_bytes(load_image(path))[5, 5], (200, 60, 30), atol=4)


def test_transparency_is_laid_over_white(tmp_path):
    rgba = np.zeros((1, 3, 4), dtype=np.uint8)
    rgba[0, :, 3] = (0, 255, 102)  # black: clear, opaque, 40 %
    Image.fromarray(rgba).save(tmp_path / "a.png")
    values = as_bytes(load_image(tmp_path / "a.png"))[0, :, 0]
    np.testing.assert_allclose(values, (255, 0, 153), atol=1)


def test_palette_with_a_transparent_colour(tmp_path):
    palette = Image.new("P", (2, 1))
    palette.putpalette([10, 20, 30, 200, 100, 50])
    palette.putdata([0, 1])
    palette.save(tmp_path / "a.png", transparency=0)
    np.testing.assert_array_equal(
        as_bytes(load_image(tmp_path / "a.png"))[0], [[255, 255, 255], [200, 100, 50]]
    )


def test_16_bit_grey_keeps_its_depth(tmp_path):
    values = np.array([[0, 1, 32768, 65535]], dtype=np.uint16)
    for name in ("a.png", "a.tif"):
        assert cv2.imwrite(str(tmp_path / name), values)
        loaded = load_image(tmp_path / name)
        torch.testing.assert_close(
            loaded, torch.from_numpy(values.astype(np.float32) / 65535).expand(3, 1, 4)
        )


def test_big_endian_16_bit_grey(tmp_path):
    values = np.array([[1, 258, 65535]], dtype=">u2")
    Image.frombytes("I;16B", (3, 1), values.tobytes()).save(tmp_path / "a.tif")
    np.testing.assert_allclose(load_image(tmp_path / "a.tif")[0], values / 65535.0, atol=1e-6)


@pytest.mark.parametrize("channels", [3, 4])
def test_16_bit_colour_keeps_its_range(tmp_path, channels):
    values = RNG.integers(0, 65536, (9, 7, channels), dtype=np.uint16)
    values[..., 3:] = 65535
    assert cv2.imwrite(str(tmp_path / "a.png"), values)
    loaded = load_image(tmp_path / "a.png").permute(1, 2, 0).numpy()
    np.testing.assert_allclose(loaded, values[..., 2::-1] / 65535.0, atol=1.01 / 255)


def test_32_bit_float_tiff_is_refused(tmp_path):
    Image.fromarray(np.ones((4, 4), dtype=np.float32)).save(tmp_path / "a.tif")
    with pytest.raises(ImageError, match="32-bit") as error:
        load_image(tmp_path / "a.tif")
    one_line(error, "a.tif")


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


def test_embedded_profile_is_converted_to_srgb(tmp_path):
    linear = ImageCms.ImageCmsProfile(BytesIO(_linear_srgb_profile()))
    Image.new("RGB", (4, 4), (55, 128, 200)).save(tmp_path / "a.png", icc_profile=linear.tobytes())
    x = np.array([55, 128, 200]) / 255
    expected = np.where(x <= 0.0031308, 12.92 * x, 1.055 * x ** (1 / 2.4) - 0.055) * 255
    np.testing.assert_allclose(as_bytes(load_image(tmp_path / "a.png"))[0, 0], expected, atol=2)


def _linear_srgb_profile() -> bytes:
    """Return littleCMS's sRGB profile with its curves replaced by the identity and renamed."""
    data = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    count = struct.unpack_from(">I", data, 128)[0]
    for entry in range(count):
        kind, offset, _ = struct.unpack_from(">4sII", data, 132 + 12 * entry)
        if kind in {b"rTRC", b"gTRC", b"bTRC"}:
            struct.pack_into(">4sIHHi", data, offset, b"para", 0, 0, 0, 65536)  # y = x ** 1
    return bytes(data).replace("sRGB".encode("utf-16-be"), "line".encode("utf-16-be"))


@pytest.mark.parametrize("profile", [b"nonsense", b"\x00" * 200])
def test_broken_profile_is_ignored(tmp_path, profile):
    Image.fromarray(PIXELS).save(tmp_path / "a.png", icc_profile=profile)
    np.testing.assert_array_equal(as_bytes(load_image(tmp_path / "a.png")), PIXELS)


def test_misfit_and_srgb_profiles_change_nothing(tmp_path):
    lab = ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB")).tobytes()
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    for profile in (lab, srgb):
        Image.fromarray(PIXELS).save(tmp_path / "a.png", icc_profile=profile)
        np.testing.assert_array_equal(as_bytes(load_image(tmp_path / "a.png")), PIXELS)


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
    monkeypatch.setattr(images, "MAX_PIXELS", 500)
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


def test_format_comes_from_the_suffix():
    assert image_format("x/y.TIFF") == "TIFF"
    with pytest.raises(OutputError, match=r"'\.pdf'"):
        image_format(Path("a.pdf"))


def test_folder_listing(tmp_path):
    for name in ("b.JPG", "a.png", ".hidden.png", "notes.txt", "c.webp"):
        (tmp_path / name).write_bytes(b"")
    (tmp_path / "folder.png").mkdir()
    assert [p.name for p in list_images(tmp_path)] == ["a.png", "b.JPG", "c.webp"]


def test_folders_without_images_are_refused(tmp_path):
    with pytest.raises(ImageError, match="holds no image"):
        list_images(tmp_path)
    with pytest.raises(ImageError, match="does not exist"):
        list_images(tmp_path / "none")
    (tmp_path / "a.png").write_bytes(b"")
    with pytest.raises(ImageError, match="is not a folder"):
        list_images(tmp_path / "a.png")
