"""Image files to tensors."""

import os
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from jaxtyping import Float
from PIL import ExifTags, Image, UnidentifiedImageError
from torch import Tensor

from pcakd.errors import ImageError
from pcakd.images.colour import describe_samples, to_tensor
from pcakd.images.formats import READ_FORMATS, READ_NAMES
from pcakd.images.metadata import clean_exif
from pcakd.images.tiff import describe_tiff
from pcakd.utils.files import to_path
from pcakd.utils.out_of_memory import is_out_of_memory

MAX_PIXELS: Final = 300_000_000
"""Largest image that is decoded, in pixels (8K is 33 million, the largest phones take 200)."""

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
    CMYK become RGB; transparency is laid over white; of several frames the first is taken. Grey of
    more than 8 bits keeps its depth, 16-bit colour its upper 8 bits. The file's content tells its
    format, not its suffix.

    Args:
        path: A PNG, JPEG, WebP, TIFF, BMP or GIF file of at most ``MAX_PIXELS`` pixels; AVIF and
            JPEG 2000 where Pillow has their decoders.

    Raises:
        ImageError: The file is missing, not such an image, damaged or too large.
    """
    path = to_path(path, "the image", error=ImageError)
    with _opened(path) as image:
        samples = describe_samples(image)
        return to_tensor(_upright(image), samples)


def load_image_with_exif(
    path: str | os.PathLike[str],
) -> tuple[Float[Tensor, "3 h w"], bytes | None]:
    """Read an image file like ``load_image``, and its EXIF data for ``save_image``.

    The data is cleaned: date, camera and position stay; orientation is 1, as the pixels are upright
    now; the thumbnail and maker notes are left out.

    Raises:
        ImageError: As ``load_image``; EXIF data that cannot be read is None, no error.
    """
    path = to_path(path, "the image", error=ImageError)
    with _opened(path) as image:
        samples = describe_samples(image)
        upright = _upright(image)
        exif = clean_exif(image)
        return to_tensor(upright, samples), exif


@contextmanager
def _opened(path: Path) -> Iterator[Image.Image]:
    """Open an image file; each error of a decoder becomes one line about the file."""
    _require_file(path)
    try:
        with _pillow_made_quiet(), Image.open(path, formats=READ_FORMATS) as image:
            _check_size(path, image.size)
            yield image
    except ImageError:
        raise
    except UnidentifiedImageError as error:
        if stored := describe_tiff(path):
            raise ImageError(
                f"{path} is a TIFF file of {stored}, which is not supported; convert it to 8 or "
                "16 bits a sample, RGB or grey"
            ) from error
        raise ImageError(
            f"{path} is not an image that can be read ({READ_NAMES} expected); use another file"
        ) from error
    except PermissionError as error:
        raise ImageError(f"{path} cannot be read: permission denied; change its mode") from error
    except Exception as error:  # a hostile file can make a decoder raise any error
        if is_out_of_memory(error):
            raise ImageError(f"{path} does not fit into memory; make it smaller") from error
        reason = " ".join(str(error).split()) or type(error).__name__
        raise ImageError(f"{path} cannot be decoded ({reason}); use another file") from error


def image_size(path: str | os.PathLike[str]) -> tuple[int, int]:
    """Read the height and width of an image file from its header, without the EXIF rotation.

    Raises:
        ImageError: The file is missing, not an image that ``load_image`` takes, or too large.
    """
    path = to_path(path, "the image", error=ImageError)
    with _opened(path) as image:
        return image.height, image.width


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
