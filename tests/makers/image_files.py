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


def png_header(width: int, height: int) -> bytes:
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + png_chunk(b"IHDR", header)
