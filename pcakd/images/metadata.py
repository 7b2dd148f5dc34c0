"""What an image file says beside its pixels: EXIF fields and the colour profile."""

from collections.abc import Mapping
from functools import cache
from typing import Any, Final

from PIL import ExifTags, Image, ImageCms

_TAGS: Final = ExifTags.Base
_KEPT: Final = frozenset(
    {
        _TAGS.ImageDescription,
        _TAGS.Make,
        _TAGS.Model,
        _TAGS.XResolution,
        _TAGS.YResolution,
        _TAGS.ResolutionUnit,
        _TAGS.Software,
        _TAGS.DateTime,
        _TAGS.Artist,
        _TAGS.HostComputer,
        _TAGS.Copyright,
        _TAGS.Rating,
        _TAGS.RatingPercent,
        _TAGS.XPTitle,
        _TAGS.XPComment,
        _TAGS.XPAuthor,
        _TAGS.XPKeywords,
        _TAGS.XPSubject,
    }
)
"""The fields of the main directory that stay. The others describe how pixels are stored."""

_DROPPED: Final = frozenset(
    {
        _TAGS.ExifInteroperabilityOffset,
        _TAGS.MakerNote,  # refers to offsets of the old file, and may hold small images
        _TAGS.ExifImageWidth,
        _TAGS.ExifImageHeight,
        _TAGS.ColorSpace,
    }
)
"""The fields of the camera's directory that no longer fit."""

_LONGEST_FIELD: Final = 8_192
_LONGEST: Final = 65_000  # a JPEG file holds 65,533 bytes
_SRGB: Final = 1


def clean_exif(image: Image.Image) -> bytes | None:
    """Return the EXIF data of an opened image, fit for its upright stylized version.

    Date, camera, exposure, position and copyright stay. The orientation is 1 (upright), the colour
    space sRGB. The embedded thumbnail, maker notes and the layout of the old pixels are left out.

    Returns:
        The bytes for ``save_image``, or None where the image has no EXIF data that can be read.
    """
    try:
        return _clean(image.getexif())
    except Exception:  # damaged metadata can make the parser raise any error
        return None


def _clean(exif: Image.Exif) -> bytes | None:
    main = {tag: value for tag, value in exif.items() if tag in _KEPT}
    camera = {
        tag: value for tag, value in exif.get_ifd(ExifTags.IFD.Exif).items() if tag not in _DROPPED
    }
    position = dict(exif.get_ifd(ExifTags.IFD.GPSInfo))
    parts = {"main": main, "camera": camera, "position": position}
    if not any(parts.values()):
        return None
    data = _pack(parts)
    if data is None:  # one field of a wrong type spoils them all: leave out those that cannot stand
        data = _pack({name: _packable(name, fields) for name, fields in parts.items()})
    return data


def _packable(name: str, fields: Mapping[int, Any]) -> dict[int, Any]:
    return {tag: value for tag, value in fields.items() if _pack({name: {tag: value}}) is not None}


def _pack(parts: Mapping[str, Mapping[int, Any]]) -> bytes | None:
    """Write fields as EXIF bytes; None if one of them cannot be written."""
    main, camera, position = (
        _short(parts.get(each, {})) for each in ("main", "camera", "position")
    )
    exif = Image.Exif()
    for tag, value in main.items():
        exif[tag] = value
    exif[_TAGS.Orientation] = 1
    exif[ExifTags.IFD.Exif] = {**camera, _TAGS.ColorSpace: _SRGB}
    if position:
        exif[ExifTags.IFD.GPSInfo] = position
    try:
        data = exif.tobytes()
    except Exception:  # a value of a type that its field does not take can raise any error
        return None
    return data if len(data) <= _LONGEST else None


def _short(fields: Mapping[int, Any]) -> dict[int, Any]:
    return {
        tag: value
        for tag, value in fields.items()
        if not isinstance(value, bytes | str | tuple) or len(value) <= _LONGEST_FIELD
    }


@cache
def srgb_profile() -> bytes:
    """Return an sRGB profile of 588 bytes to embed; the same bytes at each call and in each run."""
    data = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    data[24:36] = bytes((7, 208, 0, 1, 0, 1, 0, 0, 0, 0, 0, 0))  # made on 2000-01-01, not now
    return bytes(data)
