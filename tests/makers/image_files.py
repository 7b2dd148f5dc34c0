"""Pixels, PNG parts and checks for the tests of image files."""

import struct
import zlib

import numpy as np
import pytest
import torch

from pcakd.errors import PcakdError

RNG = np.random.default_rng(0)

PIXELS = RNG.integers(0, 256, (17, 31, 3), dtype=np.uint8)


def as_bytes(image: torch.Tensor) -> np.ndarray:
    return (image * 255).round().to(torch.uint8).permute(1, 2, 0).numpy()


def one_line(error: pytest.ExceptionInfo[PcakdError], *words: str) -> None:
    text = str(error.value)
    assert "\n" not in text
    for word in words:
        assert word in text


def png_chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def png_header(width: int, height: int, *, bits: int = 8, colour: int = 2) -> bytes:
    header = struct.pack(">IIBBBBB", width, height, bits, colour, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + png_chunk(b"IHDR", header)


def png_row(width: int, data: bytes, *, bits: int, colour: int, clear: tuple[int, ...]) -> bytes:
    """Write a PNG file of one row, with a transparent level or colour."""
    return b"".join(
        (
            png_header(width, 1, bits=bits, colour=colour),
            png_chunk(b"tRNS", struct.pack(f">{len(clear)}H", *clear)),
            png_chunk(b"IDAT", zlib.compress(b"\0" + data)),
            png_chunk(b"IEND", b""),
        )
    )


def tiff_file(width: int, height: int, data: bytes, **tags: int | tuple[int, ...]) -> bytes:
    """Write a TIFF file with one strip; by default 16-bit grey."""
    fields: dict[str, int | tuple[int, ...]] = {
        "ImageWidth": width,
        "ImageLength": height,
        "BitsPerSample": 16,
        "Compression": 1,
        "PhotometricInterpretation": 1,
        "SamplesPerPixel": 1,
        "RowsPerStrip": height,
        "StripByteCounts": len(data),
        "PlanarConfiguration": 1,
        **tags,
    }
    place = 8 + 2 + 12 * (len(fields) + 1) + 4
    long = {name: value for name, value in fields.items() if isinstance(value, tuple)}
    fields["StripOffsets"] = place + sum(4 * len(value) for value in long.values())
    entries, beside = b"", b""
    for name in sorted(fields, key=lambda name: _TIFF_TAGS[name]):
        value = fields[name]
        count = len(value) if isinstance(value, tuple) else 1
        if isinstance(value, tuple):
            beside += struct.pack(f"<{count}I", *value)
            value, place = place, place + 4 * count
        entries += struct.pack("<HHII", _TIFF_TAGS[name], 4, count, value)
    header = b"II*\x00\x08\x00\x00\x00" + struct.pack("<H", len(fields))
    return header + entries + bytes(4) + beside + data


_TIFF_TAGS = {
    "ImageWidth": 256,
    "ImageLength": 257,
    "BitsPerSample": 258,
    "Compression": 259,
    "PhotometricInterpretation": 262,
    "StripOffsets": 273,
    "SamplesPerPixel": 277,
    "RowsPerStrip": 278,
    "StripByteCounts": 279,
    "PlanarConfiguration": 284,
    "ExtraSamples": 338,
    "SampleFormat": 339,
}
