"""Images for a fit: photographs of a folder, image files and tensors as checked batches."""

import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TypeAlias

from jaxtyping import Float
from torch import Tensor

from pcakd.backbones import Backbone
from pcakd.errors import ConfigError, ShapeError
from pcakd.images import list_images, load_image
from pcakd.images.crops import cut_centre, enlarge_to, require_croppable, to_bytes
from pcakd.inputs import Photograph, prepare_input

ImageSource: TypeAlias = Photograph | str | os.PathLike[str]
"""An image file, or an image as `pcakd.stylize` takes it."""

DEFAULT_CROP = 256
"""Side in pixels of the square that is cut out of each photograph."""


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
            f"images must be a folder, or an iterable of images and files, got "
            f"{type(images).__name__}"
        )
    return images


def read_batches(
    sources: Iterable[ImageSource], backbone: Backbone, *, crop: int | None
) -> Iterator[Float[Tensor, "b 3 h w"]]:
    """Yield one batch for each image or image file.

    Args:
        sources: The images and image files.
        backbone: The teacher that will read them; it decides the smallest size.
        crop: Side of the central square that is cut out of a file; None is the whole photograph.

    Raises:
        ConfigError: The crop is not positive.
        ImageError: A file cannot be read, or is too narrow to crop.
        ShapeError: An image has another type, layout or range of values, or is too small.
    """
    if crop is not None and crop < 1:
        raise ConfigError(f"crop must be a number of pixels or None, got {crop}")
    least = 2 * backbone.strides[-1]  # the last tap needs two pixels a side to vary
    for number, source in enumerate(sources, start=1):
        name = str(source) if isinstance(source, str | os.PathLike) else f"image {number}"
        image = _read(name, source, backbone, crop)
        height, width = image.shape[-2:]
        if min(height, width) < least:
            raise ShapeError(
                f"{name} is {width}x{height} px; this backbone needs at least {least}x{least}; "
                "use a larger one"
            )
        yield image if image.dim() == 4 else image[None]


def _read(
    name: str, source: ImageSource, backbone: Backbone, crop: int | None
) -> Float[Tensor, "*b 3 h w"]:
    if isinstance(source, str | os.PathLike):
        photograph = load_image(source)
        return photograph if crop is None else _crop(Path(source), photograph, crop)
    if isinstance(source, Tensor):
        weight = next(backbone.parameters())
        source = source.to(weight) if source.is_floating_point() else source.to(weight.device)
    return prepare_input(name, source, backbone)


def _crop(path: Path, image: Float[Tensor, "3 h w"], side: int) -> Float[Tensor, "3 s s"]:
    """Cut out the central square; a smaller image is enlarged first, as in training."""
    require_croppable(path, *image.shape[-2:])
    if min(image.shape[-2:]) < side:
        image = enlarge_to(to_bytes(image), side).float() / 255.0
    return cut_centre(image, side)
