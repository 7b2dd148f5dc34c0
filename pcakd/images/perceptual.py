"""Perceptual hashes: re-encoded, resized and mirrored copies of a picture are recognised.

The hash is the one of low frequencies (pHash) of the library ImageHash: the signs of 16 × 16
coefficients of a cosine transform, against their median. Copies differ in few bits, other
pictures in about half of them; `docs/measurement.md` has the distances that were measured.
"""

from collections.abc import Iterable
from typing import Final

import numpy as np
from jaxtyping import Float, UInt8
from PIL import Image
from torch import Tensor

from pcakd.errors import ConfigError
from pcakd.images.crops import to_bytes
from pcakd.utils.extras import require_extra

METHOD: Final = "ImageHash phash, 16 × 16, of sRGB grey"
"""What a card says of its hashes; hashes of another method do not compare."""

NUM_BITS: Final = 256
MAX_DISTANCE: Final = 64
"""Pictures whose hashes differ in at most so many bits count as copies."""

_SIDE: Final = 16
_LEAST_DEVIATION: Final = 2.0  # of 255; below it a hash is that of noise


def hash_picture(image: Float[Tensor, "3 h w"]) -> str | None:
    """Return the perceptual hash of an image in [0, 1], as 64 hexadecimal digits.

    Returns:
        None for an image of nearly one grey: all those have similar hashes.

    Raises:
        MissingExtraError: ImageHash is not installed.
    """
    imagehash = require_extra("train", "imagehash", "perceptual hashes")
    pixels = to_bytes(image.clamp(0.0, 1.0)).permute(1, 2, 0).contiguous().cpu().numpy()
    grey = Image.fromarray(pixels).convert("L")
    if float(np.asarray(grey).std()) < _LEAST_DEVIATION:
        return None
    return str(imagehash.phash(grey, hash_size=_SIDE))


def unpack_hashes(hashes: Iterable[str]) -> UInt8[np.ndarray, "n 32"]:
    """Return the bytes of hashes, a row for each.

    Raises:
        ConfigError: One is no hash of `hash_picture`.
    """
    rows = []
    for text in hashes:
        try:
            row = bytes.fromhex(text)
        except (ValueError, TypeError):
            row = b""
        if len(row) != NUM_BITS // 8:
            raise ConfigError(f"{text!r} is no perceptual hash of {NUM_BITS} bits")
        rows.append(np.frombuffer(row, dtype=np.uint8))
    return np.stack(rows) if rows else np.empty((0, NUM_BITS // 8), dtype=np.uint8)


def count_differing_bits(
    one: UInt8[np.ndarray, "#n 32"], other: UInt8[np.ndarray, "#n 32"]
) -> "np.ndarray[tuple[int, ...], np.dtype[np.int64]]":
    """Return the number of bits in which hashes differ, row by row.

    >>> rows = unpack_hashes(["00" * 32, "01" * 32])
    >>> count_differing_bits(rows[:1], rows).tolist()
    [0, 32]
    """
    return np.asarray(np.unpackbits(one ^ other, axis=-1).sum(axis=-1, dtype=np.int64))
