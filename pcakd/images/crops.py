"""What is cut out of photographs to learn from: checked, and enlarged where it is too small."""

from pathlib import Path

from jaxtyping import Float, Shaped, UInt8
from torch import Tensor
from torch.nn.functional import interpolate

from pcakd.errors import ImageError

_LARGEST_RATIO = 20  # of sides; a narrower photograph, enlarged to a crop, would take gigabytes


def require_croppable(path: Path, height: int, width: int) -> None:
    """Check that a photograph can be enlarged to a crop.

    Raises:
        ImageError: It is too narrow.
    """
    if max(height, width) > _LARGEST_RATIO * min(height, width):
        raise ImageError(f"{path} is {width} × {height}, too narrow to crop; remove it")


def to_bytes(image: Float[Tensor, "3 h w"]) -> UInt8[Tensor, "3 h w"]:
    """Return 8-bit values of an image in [0, 1]."""
    return (image * 255.0).round().byte()


def enlarge_to(image: UInt8[Tensor, "3 h w"], side: int) -> UInt8[Tensor, "3 h w"]:
    """Enlarge a photograph whose shorter side is below ``side`` pixels; return others as they are.

    Bilinear, to 8-bit values.
    """
    shorter = min(image.shape[-2:])
    if shorter >= side:
        return image
    scale = side / shorter
    size = tuple(max(side, round(length * scale)) for length in image.shape[-2:])
    enlarged = interpolate(image[None].float(), size=size, mode="bilinear", antialias=True)
    return enlarged[0].round().byte()


def cut_centre(image: Shaped[Tensor, "3 h w"], side: int) -> Shaped[Tensor, "3 s s"]:
    """Cut out the central square, a view."""
    top, left = ((length - side) // 2 for length in image.shape[-2:])
    return image[:, top : top + side, left : left + side]


def is_flat(images: Shaped[Tensor, "*b 3 h w"]) -> bool:
    """Whether each image is of one colour."""
    pixels = images.flatten(-2)
    return bool((pixels == pixels[..., :1]).all())
