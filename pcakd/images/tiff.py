"""Why a TIFF file cannot be read: how it stores its samples, from its header."""

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

from PIL.TiffImagePlugin import (
    BITSPERSAMPLE,
    PHOTOMETRIC_INTERPRETATION,
    PREFIXES,
    SAMPLEFORMAT,
    SAMPLESPERPIXEL,
    ImageFileDirectory_v2,
)

_BIG_TIFF: Final = 43  # the third byte of a file, or the fourth; 42 is the older format
_COLOURS: Final[Mapping[int, str]] = MappingProxyType(
    {
        0: "grey, 0 is white",
        1: "grey",
        2: "RGB",
        3: "palette",
        4: "mask",
        5: "CMYK",
        6: "YCbCr",
        8: "CIELAB",
        9: "ICC LAB",
        10: "ITU LAB",
        32803: "colour filter array",
        34892: "linear raw",
    }
)
_KINDS: Final[Mapping[int, str]] = MappingProxyType({2: "signed ", 3: "floating-point "})


def describe_tiff(path: Path) -> str | None:
    """Describe the samples of a TIFF file; None if the file is none or its header is damaged."""
    try:
        with path.open("rb") as stream:
            header = stream.read(8)
            if header[:4] not in PREFIXES:
                return None
            if _BIG_TIFF in header[2:4]:
                header += stream.read(8)
            tags = ImageFileDirectory_v2(header)
            stream.seek(tags.next)
            tags.load(stream)
            return _describe(tags) if PHOTOMETRIC_INTERPRETATION in tags else None
    except Exception:  # a hostile header can make the parser raise any error
        return None


def _describe(tags: ImageFileDirectory_v2) -> str:
    """Describe samples: ``3 floating-point samples of 32 bits (RGB)``."""
    bits, kinds = _values(tags, BITSPERSAMPLE, 1), _values(tags, SAMPLEFORMAT, 1)
    number = _values(tags, SAMPLESPERPIXEL, 1)[0]
    colour = _values(tags, PHOTOMETRIC_INTERPRETATION, 0)[0]
    depth = " and ".join(str(each) for each in dict.fromkeys(bits))
    name = _COLOURS.get(colour, f"photometric interpretation {colour}")
    plural = "s" if number != 1 else ""
    return f"{number} {_KINDS.get(kinds[0], '')}sample{plural} of {depth} bits ({name})"


def _values(tags: ImageFileDirectory_v2, tag: int, default: int) -> tuple[int, ...]:
    value: Any = tags.get(tag, default)
    return tuple(int(each) for each in (value if isinstance(value, tuple) else (value,)))
