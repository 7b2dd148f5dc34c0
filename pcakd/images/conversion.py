"""Arrays and PIL images to tensors, and the check of a tensor's range of values."""

import numpy as np
import torch
from jaxtyping import Float
from PIL import Image
from torch import Tensor

from pcakd.errors import ShapeError
from pcakd.images.colour import describe_samples, to_tensor

_RANGE_TOLERANCE = 0.02
"""Accepted distance from [0, 1], for what resizing overshoots; ``255`` is far beyond it."""


def check_range(name: str, image: Tensor) -> None:
    """Check that values lie in [0, 1], or just outside it, in one pass without a copy.

    Raises:
        ShapeError: They do not.
    """
    values = image.detach()
    # in the order of memory, so that nothing is copied
    order = sorted(range(values.dim()), key=values.stride, reverse=True)
    low, high = (float(each) for each in torch.aminmax(values.permute(order)))
    if not (low >= -_RANGE_TOLERANCE and high <= 1.0 + _RANGE_TOLERANCE):
        found = f"lies in [{low:.4g}, {high:.4g}]" if low <= high else "holds NaN"
        hint = " (divide by 255, or give uint8)" if high > 2.0 else ""
        raise ShapeError(f"{name} {found}; expected values in [0, 1]{hint}")


def from_array(name: str, array: np.ndarray) -> Tensor:
    """Copy an array of shape (h, w, 3) into a tensor (3, h, w), which shares no memory with it.

    Raises:
        ShapeError: The array has another shape or type.
    """
    if array.ndim != 3 or array.shape[2] != 3 or 0 in array.shape:
        raise ShapeError(f"{name} is an array of shape {array.shape}; expected (h, w, 3)")
    if array.dtype != np.uint8 and not np.issubdtype(array.dtype, np.floating):
        raise ShapeError(
            f"{name} is an array of {array.dtype}; expected floats in [0, 1], or uint8 in 0 to 255"
        )
    kind = array.dtype if array.dtype.itemsize <= 8 else np.dtype(np.float64)
    planes = np.ascontiguousarray(array.transpose(2, 0, 1), dtype=kind.newbyteorder("="))
    return torch.from_numpy(planes if planes.base is None else planes.copy())


def from_pillow(name: str, image: Image.Image) -> Float[Tensor, "3 h w"]:
    """Convert as `pcakd.load_image` does; the EXIF orientation is not applied.

    Raises:
        ShapeError: The image cannot be converted.
    """
    try:
        return to_tensor(image, describe_samples(image))
    except (ValueError, OSError) as error:
        raise ShapeError(f"{name} is a PIL image that cannot be converted: {error}") from error


def short_name(kind: torch.dtype) -> str:
    """Return the name of a type without ``torch.``."""
    return str(kind).removeprefix("torch.")
