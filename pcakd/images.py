"""Image files in and out: any common picture becomes an RGB tensor, a tensor becomes a file."""

import os
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from typing import Final

import numpy as np
import torch
from jaxtyping import Float
from PIL import ExifTags, Image, ImageCms, UnidentifiedImageError
from torch import Tensor

from pcakd.errors import ImageError, OutputError, ShapeError
from pcakd.utils.files import write_atomically

MAX_PIXELS: Final = 300_000_000
"""Largest picture that is decoded, in pixels (8K is 33 million, the largest phones take 200)."""

_FORMATS: Final = {
    ".png": "PNG",
    ".jpg": "JPEG",
    ".jpeg": "JPEG",
    ".webp": "WEBP",
    ".tif": "TIFF",
    ".tiff": "TIFF",
    ".bmp": "BMP",
}
_READ: Final = tuple(dict.fromkeys(_FORMATS.values()))  # not EPS and the like, which run programs
_KINDS: Final = "PNG, JPEG, WebP, TIFF or BMP"
_OPTIONS: Final = {"JPEG": {"quality": 95, "subsampling": 0}, "WEBP": {"quality": 95}}
_TURNS: Final = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_PILLOW_LOCK: Final = threading.Lock()


def load_image(path: str | os.PathLike[str]) -> Float[Tensor, "3 h w"]:
    """Read an image file as float32 RGB in [0, 1] on the CPU.

    The EXIF rotation is applied; an embedded colour profile is converted to sRGB; grey, palette and
    CMYK become RGB; transparency is laid over white; of several frames the first is taken. 16-bit
    grey keeps its depth, 16-bit colour its upper 8 bits. The file's content tells its format, not
    its suffix.

    Args:
        path: A PNG, JPEG, WebP, TIFF or BMP file of at most ``MAX_PIXELS`` pixels.

    Raises:
        ImageError: The file is missing, not such an image, damaged or too large.
    """
    path = Path(path)
    with _opened(path) as image:
        return _to_tensor(_upright(image))


@contextmanager
def _opened(path: Path) -> Iterator[Image.Image]:
    """Open an image file; whatever a decoder raises becomes one line about the file."""
    _require_file(path)
    try:
        with _pillow_made_quiet(), Image.open(path, formats=_READ) as image:
            _check_size(path, image.size)
            yield image
    except ImageError:
        raise
    except UnidentifiedImageError as error:
        raise ImageError(
            f"{path} is not an image that can be read ({_KINDS} expected); use another file"
        ) from error
    except Exception as error:  # a hostile file can make a decoder raise anything
        reason = " ".join(str(error).split()) or type(error).__name__
        raise ImageError(f"{path} cannot be decoded ({reason}); use another file") from error


def save_image(path: str | os.PathLike[str], image: Float[Tensor, "3 h w"]) -> None:
    """Write RGB in [0, 1] as an 8-bit image file, whole or not at all.

    Values are clipped to [0, 1] and rounded to the nearest of 256 levels. JPEG is written at
    quality 95 without chroma subsampling.

    Args:
        path: The file; its suffix chooses the format (see ``image_format``).
        image: The picture, on any device and of any floating type.

    Raises:
        ImageError: A value of the image is not finite.
        OutputError: The suffix is unknown, the place cannot be written, or the format cannot hold
            a picture of that size.
        ShapeError: The image is not 3 × h × w.
    """
    path = Path(path)
    kind = image_format(path)
    picture = Image.fromarray(_to_bytes(path, image))
    with write_atomically(path) as stream:
        try:
            picture.save(stream, format=kind, **_OPTIONS.get(kind, {}))
        except ValueError as error:
            raise OutputError(f"cannot write {path} as {kind}: {error}; use PNG") from error


def image_format(path: str | os.PathLike[str]) -> str:
    """Return the format that the suffix of ``path`` stands for.

    >>> image_format("out.JPG")
    'JPEG'

    Raises:
        OutputError: The suffix is not one of those that can be written.
    """
    path = Path(path)
    try:
        return _FORMATS[path.suffix.lower()]
    except KeyError:
        raise OutputError(
            f"cannot write {path}: the suffix {path.suffix!r} is not an image format; "
            f"use one of {' '.join(_FORMATS)}"
        ) from None


def image_size(path: str | os.PathLike[str]) -> tuple[int, int]:
    """Read the height and width of an image file from its header, without the EXIF rotation.

    Raises:
        ImageError: The file is missing, not an image that ``load_image`` takes, or too large.
    """
    path = Path(path)
    with _opened(path) as image:
        return image.height, image.width


def list_images(folder: str | os.PathLike[str]) -> list[Path]:
    """List the image files that lie directly in ``folder``, by suffix, sorted by name.

    Hidden files are left out; no file is opened.

    Raises:
        ImageError: ``folder`` is missing, not a folder, unreadable or holds no image.
    """
    folder = Path(folder)
    if not folder.is_dir():
        state = "is not a folder" if folder.exists() else "does not exist"
        raise ImageError(f"{folder} {state}; give a folder of images")
    try:
        entries = sorted(folder.iterdir(), key=lambda entry: entry.name)
    except OSError as error:
        raise ImageError(f"cannot list {folder}: {error.strerror or error}") from error
    images = [entry for entry in entries if _is_image_name(entry.name) and entry.is_file()]
    if not images:
        raise ImageError(f"{folder} holds no image; expected files ending in {' '.join(_FORMATS)}")
    return images


def _is_image_name(name: str) -> bool:
    return not name.startswith(".") and Path(name).suffix.lower() in _FORMATS


def _require_file(path: Path) -> None:
    if path.is_dir():
        raise ImageError(f"{path} is a folder; name an image file")
    if not path.exists():
        raise ImageError(f"{path} does not exist; check the path")
    if not path.is_file():
        raise ImageError(f"{path} is not a regular file; name an image file")


@contextmanager
def _pillow_made_quiet() -> Iterator[None]:
    """Replace Pillow's warnings and its lower, process-wide pixel limit by our own check."""
    with _PILLOW_LOCK, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        limit = Image.MAX_IMAGE_PIXELS
        Image.MAX_IMAGE_PIXELS = None
        try:
            yield
        finally:
            Image.MAX_IMAGE_PIXELS = limit


def _check_size(path: Path, size: tuple[int, int]) -> None:
    width, height = size
    if width < 1 or height < 1:
        raise ImageError(f"{path} has no pixels ({width} x {height}); use another file")
    if width * height > MAX_PIXELS:
        raise ImageError(
            f"{path} is {width} x {height}, more than the {MAX_PIXELS // 1_000_000} million "
            "pixels that are read; make it smaller"
        )


def _upright(image: Image.Image) -> Image.Image:
    """Decode and apply the EXIF rotation; metadata that cannot be parsed is ignored.

    Not ``ImageOps.exif_transpose``: it also rewrites the metadata, which fails on odd cameras.
    """
    image.load()
    try:
        turn = _TURNS.get(image.getexif().get(ExifTags.Base.Orientation, 1))
    except Exception:  # the pixels are fine: damaged metadata can make the parser raise anything
        return image
    return image if turn is None else image.transpose(turn)


def _to_tensor(image: Image.Image) -> Float[Tensor, "3 h w"]:
    """Convert decoded pixels of any mode to float32 RGB in [0, 1]."""
    if image.mode.startswith("I;16"):
        grey = np.array(image).astype(np.float32)  # also swaps big-endian samples
        return torch.from_numpy(grey).div_(65535.0).expand(3, -1, -1).contiguous()
    if image.mode in {"I", "F"}:
        raise ValueError(f"32-bit samples of mode {image.mode!r} have no defined range")
    pixels = torch.from_numpy(np.array(_to_rgb(image))).permute(2, 0, 1)
    # a float tensor made at once in planar layout: one copy, not two, of what at 8K is 400 MB
    return torch.empty(pixels.shape, dtype=torch.float32).copy_(pixels).div_(255.0)


def _to_rgb(image: Image.Image) -> Image.Image:
    """Convert 8-bit pixels to opaque sRGB."""
    if image.mode == "P" or (image.mode in {"1", "L", "RGB"} and "transparency" in image.info):
        image = image.convert("RGBA" if image.has_transparency_data else "RGB")
    if image.mode in {"RGBA", "LA", "PA", "RGBa"}:
        straight = image.convert("RGBA")
        page = Image.new("RGB", image.size, "white")
        colours = _to_srgb(straight.convert("RGB"), image.info.get("icc_profile"))
        page.paste(colours, mask=straight.getchannel("A"))
        return page
    return _to_srgb(image, image.info.get("icc_profile"))


def _to_srgb(image: Image.Image, profile: bytes | None) -> Image.Image:
    """Convert to RGB through the embedded profile; one that is broken or misfit is ignored."""
    if not profile:
        return image.convert("RGB")
    try:
        source = ImageCms.ImageCmsProfile(BytesIO(profile))
        if "srgb" in ImageCms.getProfileDescription(source).lower():
            return image.convert("RGB")
        target = ImageCms.createProfile("sRGB")
        converted = ImageCms.profileToProfile(image, source, target, outputMode="RGB")
    except (ImageCms.PyCMSError, OSError, ValueError, TypeError):
        return image.convert("RGB")
    return converted or image.convert("RGB")


def _to_bytes(path: Path, image: Tensor) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    """Quantise to h × w × 3 bytes on the CPU."""
    if image.ndim != 3 or image.shape[0] != 3 or 0 in image.shape:
        raise ShapeError(f"image for {path} has shape {tuple(image.shape)}; expected (3, h, w)")
    image = image.detach().to(torch.float32)
    if not bool(torch.isfinite(image).all()):
        raise ImageError(f"image for {path} holds a value that is not finite; nothing is written")
    levels = image.clamp(0.0, 1.0).mul_(255.0).round_().to(torch.uint8)
    return levels.permute(1, 2, 0).contiguous().cpu().numpy()
