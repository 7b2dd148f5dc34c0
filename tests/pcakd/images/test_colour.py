"""Every mode and profile becomes sRGB."""

import struct
import zlib
from io import BytesIO

import cv2
import numpy as np
import pytest
import torch
from image_files import PIXELS, RNG, as_bytes, one_line, png_row, tiff_file
from PIL import Image, ImageCms

from pcakd.errors import ImageError
from pcakd.images import load_image


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


@pytest.mark.parametrize("name", ["line", "sRGB"])  # "GIMP built-in Linear sRGB" is no sRGB
def test_embedded_profile_is_converted_to_srgb(tmp_path, name):
    linear = ImageCms.ImageCmsProfile(BytesIO(_linear_srgb_profile(name)))
    assert name in ImageCms.getProfileDescription(linear)
    Image.new("RGB", (4, 4), (55, 128, 200)).save(tmp_path / "a.png", icc_profile=linear.tobytes())
    x = np.array([55, 128, 200]) / 255
    expected = np.where(x <= 0.0031308, 12.92 * x, 1.055 * x ** (1 / 2.4) - 0.055) * 255
    np.testing.assert_allclose(as_bytes(load_image(tmp_path / "a.png"))[0, 0], expected, atol=2)


def _linear_srgb_profile(name: str) -> bytes:
    """Return littleCMS's sRGB profile with its curves replaced by the identity, named anew."""
    data = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    count = struct.unpack_from(">I", data, 128)[0]
    for entry in range(count):
        kind, offset, _ = struct.unpack_from(">4sII", data, 132 + 12 * entry)
        if kind in {b"rTRC", b"gTRC", b"bTRC"}:
            struct.pack_into(">4sIHHi", data, offset, b"para", 0, 0, 0, 65536)  # y = x ** 1
    return bytes(data).replace("sRGB".encode("utf-16-be"), name.encode("utf-16-be"))


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


def _display_p3_profile() -> bytes:
    """Return littleCMS's sRGB profile with the primaries of Display P3 under its old name."""
    data = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    primaries = {
        b"rXYZ": (0.5151, 0.2412, -0.0011),
        b"gXYZ": (0.2920, 0.6922, 0.0419),
        b"bXYZ": (0.1571, 0.0666, 0.7841),
    }
    for entry in range(struct.unpack_from(">I", data, 128)[0]):
        kind, offset, _ = struct.unpack_from(">4sII", data, 132 + 12 * entry)
        if kind in primaries:
            fixed = [round(value * 65536) for value in primaries[kind]]
            struct.pack_into(">4sI3i", data, offset, b"XYZ ", 0, *fixed)
    return bytes(data)


def test_a_profile_that_is_called_srgb_and_is_not_is_converted(tmp_path):
    profile = _display_p3_profile()
    assert "sRGB" in ImageCms.getProfileDescription(ImageCms.ImageCmsProfile(BytesIO(profile)))
    Image.new("RGB", (4, 4), (60, 160, 60)).save(tmp_path / "a.png", icc_profile=profile)
    np.testing.assert_allclose(as_bytes(load_image(tmp_path / "a.png"))[0, 0], (0, 163, 40), atol=2)


def _linear_grey_profile() -> bytes:
    """Write a grey profile without a curve: header, white point and the identity."""
    tags = {
        b"wtpt": struct.pack(">4sI3i", b"XYZ ", 0, 63190, 65536, 54061),
        b"kTRC": struct.pack(">4sII", b"curv", 0, 0),
    }
    table, body = struct.pack(">I", len(tags)), b""
    for name, data in tags.items():
        table += struct.pack(">4sII", name, 128 + 4 + 12 * len(tags) + len(body), len(data))
        body += data
    header = bytearray(128)
    struct.pack_into(">I4xI4s4s4s", header, 0, 128 + len(table) + len(body), 0x02100000,
                     b"mntr", b"GRAY", b"XYZ ")  # fmt: skip
    header[36:40] = b"acsp"
    struct.pack_into(">3i", header, 68, 63190, 65536, 54061)
    return bytes(header) + table + body


@pytest.mark.parametrize(
    ("mode", "suffix"), [("L", "png"), ("LA", "png"), ("I;16", "png"), ("I;16", "tif")]
)
def test_a_grey_profile_is_applied(tmp_path, mode, suffix):
    level, path = 55, tmp_path / f"a.{suffix}"
    image = Image.new("L", (4, 4), level)
    if mode == "LA":
        image = image.convert("LA")
    if mode == "I;16":
        image = Image.fromarray(np.full((4, 4), level * 257, dtype=np.uint16))
    image.save(path, icc_profile=_linear_grey_profile())
    expected = (1.055 * (level / 255) ** (1 / 2.4) - 0.055) * 255
    np.testing.assert_allclose(as_bytes(load_image(path)), expected, atol=2)


def test_a_grey_profile_is_applied_beside_a_transparent_level(tmp_path):
    path = tmp_path / "a.png"
    image = Image.fromarray(np.array([[55, 7]], dtype=np.uint8))
    image.save(path, icc_profile=_linear_grey_profile(), transparency=7)
    lighter = (1.055 * (55 / 255) ** (1 / 2.4) - 0.055) * 255
    grey, clear = as_bytes(load_image(path))[0]
    np.testing.assert_allclose(grey, lighter, atol=2)
    np.testing.assert_array_equal(clear, 255)


@pytest.mark.parametrize("compression", [1, 8])  # none, zlib
def test_grey_where_0_is_white_is_inverted(tmp_path, compression):
    values = np.array([[0, 1000, 65535]], dtype="<u2")
    path = tmp_path / "a.tif"
    data = values.tobytes() if compression == 1 else zlib.compress(values.tobytes())
    path.write_bytes(tiff_file(3, 1, data, PhotometricInterpretation=0, Compression=compression))
    np.testing.assert_allclose(load_image(path)[0], 1 - values / 65535.0, atol=1e-6)


def test_12_bit_grey_has_its_range(tmp_path):
    values = np.array([[0, 0x123, 0x800, 0xFFF]])
    path = tmp_path / "a.tif"
    path.write_bytes(tiff_file(4, 1, bytes.fromhex("000123800fff"), BitsPerSample=12))
    np.testing.assert_allclose(load_image(path)[0], values / 4095.0, atol=1e-6)


def test_the_transparent_grey_of_a_deep_png_is_white(tmp_path):
    values = np.array([[1000, 2000]], dtype=np.uint16)
    Image.fromarray(values).save(tmp_path / "a.png", transparency=1000)
    np.testing.assert_allclose(load_image(tmp_path / "a.png")[0], [[1.0, 2000 / 65535]], atol=1e-6)


@pytest.mark.parametrize(
    ("bits", "data", "clear", "expected"),
    [
        (1, 0b01000000, 1, [0, 255]),
        (1, 0b01000000, 0, [255, 255]),
        (2, 0b10010000, 2, [255, 85]),
        (2, 0b10010000, 1, [170, 255]),
        (4, 0x95, 9, [255, 85]),
        (8, 0x0905, 9, [255, 5]),
    ],
)
def test_the_transparent_grey_of_a_png_of_any_depth_is_white(tmp_path, bits, data, clear, expected):
    row = data.to_bytes(max(1, bits // 4))
    file = png_row(2, row, bits=bits, colour=0, clear=(clear,))
    (tmp_path / "a.png").write_bytes(file)
    np.testing.assert_array_equal(as_bytes(load_image(tmp_path / "a.png"))[0, :, 0], expected)


def test_a_transparent_colour_of_16_bits_is_refused(tmp_path):
    row = struct.pack(">6H", 1000, 2000, 3000, 1001, 2001, 3001)  # alike in their upper bytes
    file = png_row(2, row, bits=16, colour=2, clear=(1000, 2000, 3000))
    (tmp_path / "a.png").write_bytes(file)
    with pytest.raises(ImageError, match="transparent colour in 16-bit samples") as error:
        load_image(tmp_path / "a.png")
    one_line(error, "a.png")


@pytest.mark.parametrize(
    ("bits", "number", "message"),
    [
        (8, 2, "8-bit signed samples"),
        (16, 2, "16-bit signed samples"),
        (32, 3, "32-bit floating-point samples"),
    ],
)
def test_samples_that_are_no_levels_are_refused(tmp_path, bits, number, message):
    file = tiff_file(2, 1, bytes(bits // 4), BitsPerSample=bits, SampleFormat=number)
    (tmp_path / "a.tif").write_bytes(file)
    with pytest.raises(ImageError, match=message) as error:
        load_image(tmp_path / "a.tif")
    one_line(error, "a.tif")


def test_deep_colour_in_separate_planes_is_refused(tmp_path):
    image = tmp_path / "a.tif"
    assert cv2.imwrite(str(image), np.zeros((8, 8, 3), dtype=np.uint16))
    data = bytearray(image.read_bytes())
    start = struct.unpack_from("<I", data, 4)[0]
    for entry in range(struct.unpack_from("<H", data, start)[0]):
        place = start + 2 + 12 * entry
        if struct.unpack_from("<H", data, place)[0] == 284:
            struct.pack_into("<H", data, place + 8, 2)
    image.write_bytes(bytes(data))
    with pytest.raises(ImageError, match="16-bit samples in separate planes") as error:
        load_image(image)
    one_line(error, "a.tif")
