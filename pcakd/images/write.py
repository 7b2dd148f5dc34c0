"""Tensors to image files."""

import os
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch
from jaxtyping import Float
from PIL import Image
from torch import Tensor

from pcakd.errors import ConfigError, ImageError, OutputError, ShapeError
from pcakd.images.formats import image_format
from pcakd.images.metadata import srgb_profile
from pcakd.utils.files import write_atomically

DEFAULT_QUALITY: Final = 95
_ROWS: Final = 256  # converted at a time


def save_image(
    path: str | os.PathLike[str],
    image: Float[Tensor, "3 h w"],
    *,
    quality: int = DEFAULT_QUALITY,
    exif: bytes | None = None,
    icc: bool = True,
) -> None:
    """Write RGB in [0, 1] as an 8-bit image file, whole or not at all.

    Values are clipped to [0, 1] and rounded to the nearest of 256 levels. JPEG is written without
    chroma subsampling.

    Args:
        path: The file; its suffix chooses the format (see ``image_format``).
        image: The image, on any device and of any floating type.
        quality: Of JPEG and WebP, from 1 to 100; other formats are lossless.
        exif: EXIF data to store, as ``load_image_with_exif`` returns it. BMP holds none.
        icc: Whether to embed an sRGB colour profile. BMP holds none.

    Raises:
        ConfigError: The quality is not in 1 to 100.
        ImageError: A value of the image is not finite.
        OutputError: The suffix is unknown, the place cannot be written, or the format cannot hold
            an image of that size.
        ShapeError: The image is not 3 × h × w.
    """
    path = Path(path)
    kind = image_format(path)
    if not 1 <= quality <= 100:
        raise ConfigError(f"quality must lie in 1 to 100, got {quality}")
    pixels = Image.fromarray(_to_bytes(path, image))
    options = _options(kind, quality, exif, icc)
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


def _to_bytes(path: Path, image: Tensor) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    """Quantise to h × w × 3 bytes on the CPU, some rows at a time to save memory."""
    if image.ndim != 3 or image.shape[0] != 3 or 0 in image.shape:
        raise ShapeError(f"image for {path} has shape {tuple(image.shape)}; expected (3, h, w)")
    image = image.detach()
    levels = torch.empty((*image.shape[1:], 3), dtype=torch.uint8)
    for start in range(0, image.shape[1], _ROWS):
        rows = image[:, start : start + _ROWS].to(torch.float32)
        if not bool(torch.isfinite(rows).all()):
            raise ImageError(
                f"image for {path} holds a value that is not finite; nothing is written"
            )
        rounded = rows.clamp(0.0, 1.0).mul_(255.0).round_().to(torch.uint8)
        levels[start : start + _ROWS] = rounded.permute(1, 2, 0).cpu()
    return levels.numpy()
