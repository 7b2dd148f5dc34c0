"""Image sizes by name."""

import re
from dataclasses import dataclass

from pcakd.errors import ConfigError
from pcakd.utils.registry import unknown_name

_SIZES = {
    "HD": (1280, 720),
    "FHD": (1920, 1080),
    "QHD": (2560, 1440),
    "4K": (3840, 2160),
    "5K": (5120, 2880),
    "8K": (7680, 4320),
}
_MIN_SIDE = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class Resolution:
    """An image size in pixels and its name."""

    name: str
    width: int
    height: int

    @property
    def pixels(self) -> int:
        """Width times height."""
        return self.width * self.height


def parse_resolution(text: str) -> Resolution:
    """Read the name of a resolution, or a size such as ``640x480``.

    Raises:
        UnknownNameError: The text is neither.
        ConfigError: The size is below 16 pixels.

    >>> parse_resolution("HD")
    Resolution(name='HD', width=1280, height=720)
    """
    if text in _SIZES:
        width, height = _SIZES[text]
        return Resolution(name=text, width=width, height=height)
    match = re.fullmatch(r"(\d{1,6})x(\d{1,6})", text)
    if not match:
        raise unknown_name("resolution", text, [*_SIZES, "WIDTHxHEIGHT"])
    width, height = int(match[1]), int(match[2])
    if min(width, height) < _MIN_SIDE:
        raise ConfigError(f"resolution {text!r} is too small; use {_MIN_SIDE} pixels or more")
    return Resolution(name=text, width=width, height=height)


def list_resolutions() -> tuple[Resolution, ...]:
    """List the resolutions that have names, the smallest first."""
    return tuple(parse_resolution(name) for name in _SIZES)


def sort_resolutions(names: tuple[str, ...]) -> list[Resolution]:
    """Read resolutions and sort them by their number of pixels."""
    return sorted(map(parse_resolution, names), key=lambda each: each.pixels)
