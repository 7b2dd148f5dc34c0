"""Decoded pixels of any mode to float RGB in the colour space sRGB."""

from collections.abc import Mapping
from dataclasses import dataclass
from io import BytesIO
from itertools import product
from types import MappingProxyType
from typing import Final

import numpy as np
import torch
from jaxtyping import Float
from PIL import Image, ImageCms
from torch import Tensor

_PHOTOMETRIC, _BITS_PER_SAMPLE, _PLANAR, _FORMAT = 262, 258, 284, 339  # tags of TIFF
_SEPARATE_PLANES: Final = 2
_KINDS: Final = {2: "signed", 3: "floating-point"}  # of samples, values of _FORMAT
_GREY_STEPS: Final[Mapping[str, int]] = MappingProxyType({"1": 255, "L;2": 85, "L;4": 17})
"""What Pillow multiplies grey PNG samples of fewer than 8 bits by; their clear level it leaves."""

_DEEP_COLOUR: Final = "RGB;16B"  # how PNG stores colour of 16 bits
_SAME_LEVELS: Final = 2  # of 255; two sRGB profiles differ by rounding
_GREYS: Final = Image.frombytes("L", (256, 1), bytes(range(256)))


@dataclass(frozen=True, slots=True, kw_only=True)
class Samples:
    """How a file stores samples of other than 8 bits.

    Attributes:
        white: The largest value of grey of more than 8 bits.
        inverted: Whether 0 is white there.
        clear: The transparent level of grey of fewer than 8 bits, in decoded values.
    """

    white: float = 65535.0
    inverted: bool = False
    clear: int | None = None


def describe_samples(image: Image.Image) -> Samples:
    """Read how an opened, not yet decoded image stores its samples.

    Raises:
        ValueError: In a way that Pillow decodes wrongly.
    """
    tags = getattr(image, "tag_v2", {})
    bits = tuple(tags.get(_BITS_PER_SAMPLE, ()))
    if len(bits) > 1 and max(bits) > 8 and tags.get(_PLANAR) == _SEPARATE_PLANES:
        raise ValueError(f"{max(bits)}-bit samples in separate planes are not supported")
    for number in tags.get(_FORMAT, ()):
        if number in _KINDS:
            raise ValueError(f"{max(bits or (8,))}-bit {_KINDS[number]} samples are not supported")
    white = 4095.0 if bits == (12,) else 65535.0
    return Samples(white=white, inverted=tags.get(_PHOTOMETRIC) == 0, clear=_clear_level(image))


def _clear_level(image: Image.Image) -> int | None:
    """Return the transparent level of a grey PNG file of fewer than 8 bits, in decoded values.

    Raises:
        ValueError: A colour of 16-bit samples is transparent; decoding drops their lower bits.
    """
    clear = image.info.get("transparency")
    tiles = getattr(image, "tile", ()) if image.format == "PNG" else ()
    raw = tiles[0][3] if tiles else None
    if clear is None or not isinstance(raw, str):
        return None
    if raw == _DEEP_COLOUR:
        raise ValueError("a transparent colour in 16-bit samples is not supported")
    return clear * _GREY_STEPS[raw] if raw in _GREY_STEPS else None


def to_tensor(image: Image.Image, samples: Samples) -> Float[Tensor, "3 h w"]:
    """Convert decoded pixels of any mode to float32 RGB in [0, 1].

    Raises:
        ValueError: The samples are 32-bit numbers, whose range no file states.
    """
    if image.mode.startswith("I;16"):
        return _deep_grey_to_tensor(image, samples)
    if image.mode in {"I", "F"}:
        raise ValueError(f"32-bit samples of mode {image.mode!r} have no defined range")
    if samples.clear is not None:
        image = image.convert("L")  # a copy, whose information may change
        image.info["transparency"] = samples.clear
    pixels = torch.from_numpy(np.array(_to_rgb(image))).permute(2, 0, 1)
    # a float tensor made at once in planar layout: one copy, not two, of what at 8K is 400 MB
    return torch.empty(pixels.shape, dtype=torch.float32).copy_(pixels).div_(255.0)


def _deep_grey_to_tensor(image: Image.Image, samples: Samples) -> Float[Tensor, "3 h w"]:
    """Convert grey of 9 to 16 bits, which keeps its depth."""
    values = np.array(image)
    grey = values.astype(np.float32)  # also swaps big-endian samples
    result = torch.from_numpy(grey).div_(samples.white).expand(3, -1, -1).contiguous()
    if samples.inverted:
        result = 1.0 - result
    profile = image.info.get("icc_profile")
    curve = _converted(_GREYS, profile) if profile else None
    if curve is not None:
        result = _apply_curve(result, np.asarray(curve)[0])
    clear = image.info.get("transparency")
    if isinstance(clear, int):
        result[:, torch.from_numpy(values == clear)] = 1.0
    return result


def _apply_curve(image: Tensor, levels: np.ndarray[tuple[int, ...], np.dtype[np.uint8]]) -> Tensor:
    """Map each channel through 256 levels, linearly between them."""
    places = np.linspace(0.0, 1.0, 256)
    channels = [
        np.interp(channel.numpy(), places, levels[:, index] / 255.0).astype(np.float32)
        for index, channel in enumerate(image)
    ]
    return torch.from_numpy(np.stack(channels))


def _to_rgb(image: Image.Image) -> Image.Image:
    """Convert 8-bit pixels to opaque sRGB."""
    profile = image.info.get("icc_profile")
    if image.mode == "P" or (image.mode == "RGB" and "transparency" in image.info):
        image = image.convert("RGBA" if image.has_transparency_data else "RGB")
    elif image.mode in {"1", "L"}:  # stays grey, for a grey profile
        image = image.convert("LA" if "transparency" in image.info else "L")
    if image.mode in {"RGBA", "LA", "PA", "RGBa", "La"}:
        colours = image.convert("L" if image.mode == "LA" else "RGB")
        page = Image.new("RGB", image.size, "white")
        page.paste(_to_srgb(colours, profile), mask=image.convert("RGBA").getchannel("A"))
        return page
    return _to_srgb(image, profile)


def _to_srgb(image: Image.Image, profile: bytes | None) -> Image.Image:
    """Convert to RGB through the embedded profile; one that is broken or misfit is ignored."""
    if not profile or (image.mode == "RGB" and _is_srgb(profile)):
        return image.convert("RGB")
    return _converted(image, profile) or image.convert("RGB")


def _is_srgb(profile: bytes) -> bool:
    """Return whether a profile leaves colours as they are. Its name may say sRGB of another one."""
    steps = range(0, 256, 51)
    colours = bytes(value for colour in product(steps, repeat=3) for value in colour)
    palette = Image.frombytes("RGB", (len(steps) ** 3, 1), colours)
    converted = _converted(palette, profile)
    if converted is None:
        return False
    change = np.asarray(converted).astype(int) - np.asarray(palette)
    return bool(np.abs(change).max() <= _SAME_LEVELS)


def _converted(image: Image.Image, profile: bytes) -> Image.Image | None:
    """Return an image converted to sRGB, or None if the profile is broken or of another kind."""
    try:
        source = ImageCms.ImageCmsProfile(BytesIO(profile))
        target = ImageCms.createProfile("sRGB")
        return ImageCms.profileToProfile(image, source, target, outputMode="RGB")
    except (ImageCms.PyCMSError, OSError, ValueError, TypeError):
        return None
