"""The image formats: which are read, which are written, and the suffixes of their files.

Only formats of this table are opened. Pillow knows others whose decoders start programs (EPS) or
are rarely tested; a file of one of them is refused.
"""

import os
from importlib.util import find_spec
from pathlib import Path
from types import MappingProxyType
from typing import Final

from PIL import features

from pcakd.errors import OutputError

WRITTEN_FORMATS: Final = MappingProxyType(
    {
        ".png": "PNG",
        ".jpg": "JPEG",
        ".jpeg": "JPEG",
        ".jfif": "JPEG",
        ".webp": "WEBP",
        ".tif": "TIFF",
        ".tiff": "TIFF",
        ".bmp": "BMP",
    }
)
"""The format that is written under each suffix."""

_ONLY_READ: Final = {  # format: suffixes, suffix of a result
    "GIF": ((".gif",), ".png"),
    "AVIF": ((".avif",), ".jpg"),
    "JPEG2000": ((".jp2", ".j2k"), ".jpg"),
}
_NAMES: Final = {"JPEG2000": "JPEG 2000", "WEBP": "WebP"}


def _has_decoder(kind: str) -> bool:
    """Return whether this Pillow can decode a format; AVIF and JPEG 2000 are optional parts."""
    if kind == "JPEG2000":
        return bool(features.check_codec("jpg_2000"))
    return kind != "AVIF" or find_spec("PIL._avif") is not None


_READ_TOO: Final = {
    suffix: (kind, result)
    for kind, (suffixes, result) in _ONLY_READ.items()
    if _has_decoder(kind)
    for suffix in suffixes
}

READ_SUFFIXES: Final = (*WRITTEN_FORMATS, *_READ_TOO)
"""The suffixes of files that folders are searched for."""

READ_FORMATS: Final = tuple(
    dict.fromkeys((*WRITTEN_FORMATS.values(), *(kind for kind, _ in _READ_TOO.values())))
)
"""The formats that are opened, in Pillow's names."""

READ_NAMES: Final = " or ".join(
    ", ".join(_NAMES.get(kind, kind) for kind in READ_FORMATS).rsplit(", ", 1)
)
"""The formats that are opened, for messages."""


def image_format(path: str | os.PathLike[str]) -> str:
    """Return the format that the suffix of ``path`` stands for.

    >>> image_format("out.JPG")
    'JPEG'

    Raises:
        OutputError: No format is written under that suffix.
    """
    path = Path(path)
    try:
        return WRITTEN_FORMATS[path.suffix.lower()]
    except KeyError:
        raise OutputError(
            f"cannot write {path}: the suffix {path.suffix!r} is not an image format; "
            f"use one of {' '.join(WRITTEN_FORMATS)}"
        ) from None


def output_suffix(path: str | os.PathLike[str]) -> str:
    """Return the suffix for a result of ``path``: its own where that can be written.

    Results of GIF files are PNG, those of AVIF and JPEG 2000 files are JPEG, others are PNG.

    >>> output_suffix("a.JPG"), output_suffix("b.gif")
    ('.JPG', '.png')
    """
    suffix = Path(path).suffix
    if suffix.lower() in WRITTEN_FORMATS:
        return suffix
    return _READ_TOO[suffix.lower()][1] if suffix.lower() in _READ_TOO else ".png"
