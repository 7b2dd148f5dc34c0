"""EXIF data and the colour profile of results."""

from io import BytesIO

import numpy as np
import pytest
import torch
from image_files import PIXELS
from PIL import ExifTags, Image, ImageCms

from pcakd.images import load_image_with_exif, save_image, srgb_profile

TAGS = ExifTags.Base
GPS = {1: "N", 2: (48.0, 8.0, 1.5), 3: "E", 4: (11.0, 1.0, 2.0)}
WITH_EXIF = [".jpg", ".png", ".webp", ".tif"]


def camera_exif(**camera):
    exif = Image.Exif()
    exif[TAGS.Make] = "Canon"
    exif[TAGS.DateTime] = "2026:07:01 12:00:00"
    exif[TAGS.Orientation] = 6
    exif[TAGS.ImageWidth] = 31
    exif[ExifTags.IFD.Exif] = {
        TAGS.DateTimeOriginal: "2026:07:01 12:00:00",
        TAGS.MakerNote: b"preview" * 10,
        TAGS.ExifImageWidth: 31,
        TAGS.ColorSpace: 65535,
        **{TAGS[name]: value for name, value in camera.items()},
    }
    exif[ExifTags.IFD.GPSInfo] = GPS
    return exif


def stored_exif(path):
    with Image.open(path) as image:
        exif = image.getexif()
        return dict(exif), dict(exif.get_ifd(ExifTags.IFD.Exif)), dict(exif.get_ifd(0x8825))


@pytest.mark.parametrize("source", WITH_EXIF)
@pytest.mark.parametrize("target", WITH_EXIF)
def test_date_camera_and_position_stay_and_the_image_is_upright(tmp_path, source, target):
    before, after = tmp_path / f"before{source}", tmp_path / f"after{target}"
    Image.fromarray(PIXELS).save(before, exif=camera_exif().tobytes())
    image, exif = load_image_with_exif(before)
    assert image.shape == (3, 31, 17)  # turned
    save_image(after, image, exif=exif)
    main, camera, position = stored_exif(after)
    assert main[TAGS.Make] == "Canon"
    assert main[TAGS.DateTime] == "2026:07:01 12:00:00"
    assert main[TAGS.Orientation] == 1
    assert main.get(TAGS.ImageWidth, 17) == 17
    assert camera == {TAGS.DateTimeOriginal: "2026:07:01 12:00:00", TAGS.ColorSpace: 1}
    assert position == GPS
    with Image.open(after) as result:
        assert result.size == (17, 31)


def test_the_thumbnail_of_the_old_pixels_is_left_out(tmp_path):
    thumbnail = BytesIO()
    Image.new("RGB", (16, 16), "red").save(thumbnail, format="JPEG")
    data = _with_thumbnail(camera_exif().tobytes(), thumbnail.getvalue())
    Image.fromarray(PIXELS).save(tmp_path / "a.jpg", exif=data)
    with Image.open(tmp_path / "a.jpg") as image:
        assert image.getexif().get_ifd(ExifTags.IFD.IFD1)  # it is there before
    exif = load_image_with_exif(tmp_path / "a.jpg")[1]
    assert exif is not None
    assert b"\xff\xd8" not in exif
    assert b"preview" not in exif


def _with_thumbnail(exif, jpeg):
    """Append a second directory that points to a JPEG thumbnail, as cameras do."""
    body = bytearray(exif[6:])
    order = "little" if body[:2] == b"II" else "big"
    first = int.from_bytes(body[4:8], order)
    count = int.from_bytes(body[first : first + 2], order)
    link = first + 2 + 12 * count
    body[link : link + 4] = len(body).to_bytes(4, order)
    place = len(body) + 2 + 2 * 12 + 4
    body += (2).to_bytes(2, order)
    for tag, value in ((0x0201, place), (0x0202, len(jpeg))):
        body += tag.to_bytes(2, order) + (4).to_bytes(2, order)
        body += (1).to_bytes(4, order) + value.to_bytes(4, order)
    return exif[:6] + bytes(body) + bytes(4) + jpeg


def test_no_exif_is_none(tmp_path):
    Image.fromarray(PIXELS).save(tmp_path / "a.png")
    assert load_image_with_exif(tmp_path / "a.png")[1] is None


def test_damaged_exif_is_no_error(tmp_path):
    path = tmp_path / "a.png"
    Image.fromarray(PIXELS).save(path, exif=b"Exif\x00\x00MM\x00*\x00\x00\x00\x08\xff\xff\x01")
    image, exif = load_image_with_exif(path)
    assert exif is None
    assert image.shape == (3, 17, 31)


def test_a_long_comment_does_not_take_the_other_fields_with_it(tmp_path):
    exif = camera_exif(UserComment=b"ASCII\x00\x00\x00" + b"x" * 60_000, LensModel="RF 50")
    Image.fromarray(PIXELS).save(tmp_path / "a.png", exif=exif)
    _, kept = load_image_with_exif(tmp_path / "a.png")
    save_image(tmp_path / "b.jpg", torch.rand(3, 8, 8), exif=kept)
    camera = stored_exif(tmp_path / "b.jpg")[1]
    assert camera[TAGS.LensModel] == "RF 50"
    assert TAGS.UserComment not in camera


def test_a_field_that_cannot_be_written_does_not_take_the_others_with_it(tmp_path, monkeypatch):
    exif = camera_exif(LensModel="RF 50")
    Image.fromarray(PIXELS).save(tmp_path / "a.png", exif=exif)
    monkeypatch.setattr(
        Image.Exif, "get_ifd", lambda _, tag: {1: object()} if tag == 0x8825 else {}
    )
    kept = load_image_with_exif(tmp_path / "a.png")[1]
    monkeypatch.undo()
    save_image(tmp_path / "b.png", torch.rand(3, 8, 8), exif=kept)
    main, _, position = stored_exif(tmp_path / "b.png")
    assert main[TAGS.Make] == "Canon"
    assert position == {}


@pytest.mark.parametrize("suffix", WITH_EXIF)
def test_the_profile_is_srgb_and_can_be_left_out(tmp_path, suffix):
    for embedded in (True, False):
        save_image(tmp_path / f"a{suffix}", torch.rand(3, 8, 8), icc=embedded)
        with Image.open(tmp_path / f"a{suffix}") as image:
            profile = image.info.get("icc_profile")
            assert profile == (srgb_profile() if embedded else None)


def test_the_profile_has_the_same_bytes_at_any_time():
    profile = srgb_profile()
    assert profile[24:36] == bytes((7, 208, 0, 1, 0, 1)) + bytes(6)
    colours = Image.fromarray(PIXELS)
    converted = ImageCms.profileToProfile(
        colours, ImageCms.ImageCmsProfile(BytesIO(profile)), ImageCms.createProfile("sRGB")
    )
    assert converted is not None
    assert int(np.abs(np.asarray(converted).astype(int) - PIXELS).max()) <= 1
