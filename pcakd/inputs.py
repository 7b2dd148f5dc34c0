"""Checks and conversions of the images that the public functions take."""

from typing import TypeAlias

import numpy as np
import torch
from jaxtyping import Float
from PIL import Image
from torch import Tensor, nn

from pcakd.coarse_to_fine import require_min_size
from pcakd.errors import ConfigError, ShapeError, shorten
from pcakd.images.conversion import check_range, from_array, from_pillow, short_name

Photograph: TypeAlias = Tensor | Image.Image | np.ndarray
"""An image that is converted: a tensor ``(3, h, w)`` or ``(b, 3, h, w)``, float in [0, 1] or
uint8; a PIL image; or an array ``(h, w, 3)``, float in [0, 1] or uint8."""


def require_student(student: object) -> None:
    """Check that what should be a student can encode and decode.

    Raises:
        ConfigError: It cannot.
    """
    if not isinstance(student, nn.Module) or not hasattr(student, "encode_block"):
        raise ConfigError(
            f"the student is {shorten(student)}; expected a student (pcakd.load_student loads one)"
        )


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
        tensor = from_pillow(name, image).to(weight.device)
    elif isinstance(image, np.ndarray):
        tensor = from_array(name, image).to(weight.device)
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
    check_range(name, converted)
    return converted


def _check_layout(name: str, image: Tensor) -> None:
    if image.layout != torch.strided:
        raise ShapeError(f"{name} is a sparse tensor; expected a dense one: call .to_dense()")
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
            f"{name} is {short_name(image.dtype)}; expected {short_name(kind)} in [0, 1], or "
            "uint8 in 0 to 255"
        )
    if image.dtype == kind or not given or torch.is_autocast_enabled(image.device.type):
        return image.to(kind)
    raise ShapeError(
        f"{name} is {short_name(image.dtype)} and the student {short_name(kind)}; expected one "
        f"type: convert one of them with .to(torch.{short_name(kind)})"
    )
