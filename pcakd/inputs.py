"""Checks and conversions of the images that the public functions take."""

from typing import TypeAlias

import numpy as np
import torch
from jaxtyping import Float
from PIL import Image
from torch import Tensor, nn

from pcakd.coarse_to_fine import require_min_size
from pcakd.errors import ShapeError
from pcakd.images.colour import describe_samples, to_tensor

Photograph: TypeAlias = Tensor | Image.Image | np.ndarray
"""An image that is converted: a tensor ``(3, h, w)`` or ``(b, 3, h, w)``, float in [0, 1] or
uint8; a PIL image; or an array ``(h, w, 3)``, float in [0, 1] or uint8."""

_RANGE_TOLERANCE = 0.02
"""Accepted distance from [0, 1], for what resizing overshoots; ``255`` is far beyond it."""


def prepare_input(name: str, image: object, network: nn.Module) -> Float[Tensor, "*b 3 h w"]:
    """Return an image as a float tensor that a network can read; check everything about it.

    A float tensor is returned as it is, without a copy. PIL images, arrays and uint8 tensors become
    tensors of the network's type; PIL images and arrays also move to its device.

    Args:
        name: What the image is, for error messages: ``content`` or ``style``.
        image: A `Photograph`; anything else is refused.
        network: The network that will read the image.

    Raises:
        ShapeError: The image has another type, layout, size, range of values or device than
            expected; the text says what was expected.
    """
    weight = next(network.parameters())
    if isinstance(image, Image.Image):
        tensor = _from_pillow(name, image).to(weight.device)
    elif isinstance(image, np.ndarray):
        tensor = _from_array(name, image).to(weight.device)
    elif isinstance(image, Tensor):
        tensor = image
    else:
        raise ShapeError(
            f"{name} is a {type(image).__name__}; expected a tensor, an array or a PIL image "
            "(pcakd.load_image reads files)"
        )
    _check_layout(name, tensor)
    if tensor.device != weight.device:
        raise ShapeError(
            f"{name} is on {tensor.device} and the student on {weight.device}; expected one "
            f"device: move one of them with .to({str(weight.device)!r})"
        )
    if tensor.dtype == torch.uint8:
        return tensor.to(weight.dtype).div_(255.0)
    converted = _check_type(name, tensor, weight.dtype, given=isinstance(image, Tensor))
    _check_range(name, converted)
    return converted


def _check_layout(name: str, image: Tensor) -> None:
    shape = tuple(image.shape)
    if len(shape) not in (3, 4) or shape[-3] != 3 or 0 in shape:
        hint = " (permute(2, 0, 1) moves colours to the front)" if shape[-1:] == (3,) else ""
        raise ShapeError(
            f"{name} has shape {shape}; expected (3, h, w), or (b, 3, h, w) for a batch{hint}"
        )
    require_min_size(name, image)


def _check_type(name: str, image: Tensor, kind: torch.dtype, *, given: bool) -> Tensor:
    if not image.is_floating_point():
        raise ShapeError(
            f"{name} is {_short(image.dtype)}; expected {_short(kind)} in [0, 1], or uint8 in 0 "
            "to 255"
        )
    if image.dtype == kind or not given or torch.is_autocast_enabled(image.device.type):
        return image.to(kind)
    raise ShapeError(
        f"{name} is {_short(image.dtype)} and the student {_short(kind)}; expected one type: "
        f"convert one of them with .to(torch.{_short(kind)})"
    )


def _check_range(name: str, image: Tensor) -> None:
    """Read the values once, in the order of memory, so that nothing is copied."""
    values = image.detach()
    order = sorted(range(values.dim()), key=values.stride, reverse=True)
    low, high = (float(each) for each in torch.aminmax(values.permute(order)))
    if not (low >= -_RANGE_TOLERANCE and high <= 1.0 + _RANGE_TOLERANCE):
        found = f"lies in [{low:.4g}, {high:.4g}]" if low <= high else "holds NaN"
        hint = " (divide by 255, or give uint8)" if high > 2.0 else ""
        raise ShapeError(f"{name} {found}; expected values in [0, 1]{hint}")


def _from_array(name: str, array: np.ndarray) -> Tensor:
    """Copy an array of shape (h, w, 3); a tensor shares no memory with it."""
    if array.ndim != 3 or array.shape[2] != 3 or 0 in array.shape:
        raise ShapeError(f"{name} is an array of shape {array.shape}; expected (h, w, 3)")
    if array.dtype != np.uint8 and not np.issubdtype(array.dtype, np.floating):
        raise ShapeError(
            f"{name} is an array of {array.dtype}; expected floats in [0, 1], or uint8 in 0 to 255"
        )
    kind = array.dtype if array.dtype.itemsize <= 8 else np.dtype(np.float64)
    planes = np.ascontiguousarray(array.transpose(2, 0, 1), dtype=kind.newbyteorder("="))
    return torch.from_numpy(planes if planes.base is None else planes.copy())


def _from_pillow(name: str, image: Image.Image) -> Float[Tensor, "3 h w"]:
    """Convert as `pcakd.load_image` does; the EXIF orientation is not applied."""
    try:
        return to_tensor(image, describe_samples(image))
    except (ValueError, OSError) as error:
        raise ShapeError(f"{name} is a PIL image that cannot be converted: {error}") from error


def _short(kind: torch.dtype) -> str:
    return str(kind).removeprefix("torch.")
