"""Small pictures with large shapes, as photographs have, and copies of them."""

import io

import numpy as np
from PIL import Image


def make_picture(seed, size=(120, 90)):
    """Return a smooth random picture with some edges."""
    rng = np.random.default_rng(seed)
    coarse = Image.fromarray(rng.integers(0, 256, (9, 12, 3), dtype=np.uint8))
    return coarse.resize(size, Image.Resampling.BICUBIC)


def reencode(picture, quality=40):
    """Return a picture as it is after JPEG compression."""
    stream = io.BytesIO()
    picture.save(stream, "JPEG", quality=quality)
    return Image.open(stream)
