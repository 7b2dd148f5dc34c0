"""Tensors to image files."""

import os
from numbers import Integral
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from pcakd.errors import ConfigError, ImageError, OutputError, ShapeError, shorten
from pcakd.images.conversion import check_range, from_array, from_pillow, short_name
from pcakd.images.formats import image_format
from pcakd.images.metadata import srgb_profile
from pcakd.utils.files import to_path, write_atomically

DEFAULT_QUALITY: Final = 95
_ROWS: Final = 256  # converted at a time


def save_image(
    path: str | os.PathLike[str],
    image: Tensor | np.ndarray | Image.Image,
    *,
    quality: int = DEFAULT_QUALITY,
    exif: bytes | None = None,
    icc: bool = True,
) -> None:
    """Write RGB in [0, 1] as an 8-bit image file, whole or not at all.

    Values that lie just outside [0, 1] are clipped; all are rounded to the nearest of 256 levels.
    JPEG is written without chroma subsampling.

    Args:
        path: The file; its suffix chooses the format (see ``image_format``).
        image: A tensor ``(3, h, w)`` on any device, of any floating type in [0, 1] or uint8; an
            array ``(h, w, 3)``, float in [0, 1] or uint8; or a PIL image.
        quality: Of JPEG and WebP, from 1 to 100; other formats are lossless.
        exif: EXIF data to store, as ``load_image_with_exif`` returns it. BMP holds none.
        icc: Whether to embed an sRGB colour profile. BMP holds none.

    Raises:
        ConfigError: The quality is not an integer in 1 to 100.
        ImageError: A value of the image is not finite.
        OutputError: The suffix is unknown, the place cannot be written, or the format cannot hold
            an image of that size.
        ShapeError: The image has another type, shape or range of values.
    """
    path = to_path(path, "the image")
    kind = image_format(path)
    if not isinstance(quality, Integral) or not 1 <= quality <= 100:
        raise ConfigError(f"quality must lie in 1 to 100, got {shorten(quality)}")
    pixels = Image.fromarray(_to_bytes(path, _to_tensor(f"image for {path}", image)))
    options = _options(kind, int(quality), exif, icc)
    with write_atomically(path) as stream:
        try:
            pixels.save(stream, format=kind, **options)
        except ValueError as error:
            raise OutputError(f"cannot write {path} as {kind}: {error}; use PNG") from error


def _options(kind: str, quality: int, exif: bytes | None, icc: bool) -> dict[str, Any]:
    options: dict[str, Any] = {}
    if kind in ("JPEG", "WEBP"):
        options["quality"] = quality
    if kind == "JPEG":
        options["subsampling"] = 0
    if kind != "BMP":
        if exif is not None:
            options["exif"] = exif
        if icc:
            options["icc_profile"] = srgb_profile()
    return options


def _to_tensor(name: str, image: object) -> Tensor:
    if isinstance(image, Image.Image):
        return from_pillow(name, image)
    if isinstance(image, np.ndarray):
        return from_array(name, image)
    if not isinstance(image, Tensor) or image.layout != torch.strided:
        raise ShapeError(f"{name} is {shorten(image)}; expected a dense tensor (3, h, w)")
    if not image.is_floating_point() and image.dtype != torch.uint8:
        kind = short_name(image.dtype)
        raise ShapeError(f"{name} is {kind}; expected floats in [0, 1], or uint8 in 0 to 255")
    return image


def _to_bytes(path: Path, image: Tensor) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    """Quantise to h × w × 3 bytes on the CPU, some rows at a time to save memory."""
    if image.ndim != 3 or image.shape[0] != 3 or 0 in image.shape:
        raise ShapeError(f"image for {path} has shape {tuple(image.shape)}; expected (3, h, w)")
    image = image.detach()
    if image.dtype == torch.uint8:
        return image.permute(1, 2, 0).contiguous().cpu().numpy()
    levels = torch.empty((*image.shape[1:], 3), dtype=torch.uint8)
    for start in range(0, image.shape[1], _ROWS):
        rows = image[:, start : start + _ROWS].to(torch.float32)
        if not bool(torch.isfinite(rows).all()):
            raise ImageError(
                f"image for {path} holds a value that is not finite; nothing is written"
            )
        check_range(f"image for {path}", rows)
        rounded = rows.clamp(0.0, 1.0).mul_(255.0).round_().to(torch.uint8)
        levels[start : start + _ROWS] = rounded.permute(1, 2, 0).cpu()
    return levels.numpy()
