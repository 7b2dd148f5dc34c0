"""Images for a fit: photographs of a folder, image files and tensors as checked batches."""

import math
import os
from collections.abc import Iterable, Iterator

from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import interpolate

from pcakd.errors import ConfigError, ShapeError
from pcakd.images import list_images, load_image

ImageSource = Tensor | str | os.PathLike[str]

DEFAULT_CROP = 256
"""Side in pixels of the square that is cut out of each photograph."""

_ROUNDING = 1e-3  # resampled images may leave [0, 1] by a little
_MOST_ELONGATED = 20  # a narrower photograph would grow to gigabytes when it is enlarged


def list_sources(
    images: str | os.PathLike[str] | Iterable[ImageSource],
) -> Iterable[ImageSource]:
    """Return the images of a folder, or the given ones.

    Raises:
        ImageError: The folder is missing or holds no image.
        ShapeError: The argument is neither a folder nor an iterable.
    """
    if isinstance(images, str | os.PathLike):
        return list_images(images)
    if isinstance(images, Tensor):
        return [images]
    if not isinstance(images, Iterable):
        raise ShapeError(
            f"images must be a folder, or an iterable of tensors and files, got "
            f"{type(images).__name__}"
        )
    return images


def read_batches(
    sources: Iterable[ImageSource], *, crop: int | None, least: int
) -> Iterator[Float[Tensor, "b 3 h w"]]:
    """Yield one batch for each image file or tensor.

    Args:
        sources: The image files and tensors.
        crop: Side of the central square that is cut out of a file; None is the whole photograph.
        least: The shortest side in pixels that is accepted.

    Raises:
        ConfigError: The crop is not positive.
        ImageError: A file cannot be read.
        ShapeError: An image has another shape, type or range, or is too small.
    """
    if crop is not None and crop < 1:
        raise ConfigError(f"crop must be a number of pixels or None, got {crop}")
    for number, source in enumerate(sources, start=1):
        yield _prepare(source, f"image {number}", crop, least=least)


def _prepare(
    source: ImageSource, name: str, crop: int | None, *, least: int
) -> Float[Tensor, "b 3 h w"]:
    if isinstance(source, Tensor):
        batch = _check_tensor(source, name)
    elif isinstance(source, str | os.PathLike):
        name, image = str(source), load_image(source)
        batch = (image if crop is None else _cut_centre(name, image, crop))[None]
    else:
        raise ShapeError(
            f"{name}: expected a tensor or the path of an image file, got {type(source).__name__}"
        )
    height, width = batch.shape[-2:]
    if min(height, width) < least:
        raise ShapeError(
            f"{name} is {width}x{height} px; this backbone needs at least {least}x{least}; use a "
            "larger one"
        )
    return batch


def _check_tensor(image: Tensor, name: str) -> Float[Tensor, "b 3 h w"]:
    if image.dim() not in (3, 4) or image.shape[-3] != 3 or image.numel() == 0:
        raise ShapeError(
            f"{name}: expected a tensor of shape (3, h, w) or (b, 3, h, w), got "
            f"{tuple(image.shape)}"
        )
    if not image.is_floating_point():
        raise ShapeError(f"{name}: expected floats in [0, 1], got {image.dtype}; divide by 255")
    least, most = map(float, image.aminmax())
    if not (math.isfinite(least) and math.isfinite(most)):
        raise ShapeError(f"{name} holds values that are not finite; remove it")
    if least < -_ROUNDING or most > 1.0 + _ROUNDING:
        raise ShapeError(f"{name}: expected values in [0, 1], got {least:g} to {most:g}")
    return image if image.dim() == 4 else image[None]


def _cut_centre(name: str, image: Float[Tensor, "3 h w"], side: int) -> Float[Tensor, "3 s s"]:
    """Cut out the central square; a smaller image is enlarged first."""
    shorter, longer = sorted(image.shape[-2:])
    if longer > _MOST_ELONGATED * shorter:
        raise ShapeError(f"{name}: {longer} by {shorter} pixels are too narrow to crop; remove it")
    if shorter < side:
        size = [max(side, round(length * side / shorter)) for length in image.shape[-2:]]
        image = interpolate(image[None], size=size, mode="bilinear", antialias=True)[0]
        image = image.mul(255.0).round().div(255.0)  # 8 bits, as in the training crops
    top, left = ((length - side) // 2 for length in image.shape[-2:])
    return image[:, top : top + side, left : left + side]
