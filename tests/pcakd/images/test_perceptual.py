"""Copies of a picture have near hashes, other pictures far ones."""

import numpy as np
import pytest
import torch
from pictures import make_picture, reencode
from PIL import Image

from pcakd.errors import ConfigError
from pcakd.images.perceptual import (
    MAX_DISTANCE,
    NUM_BITS,
    count_differing_bits,
    hash_picture,
    unpack_hashes,
)


def _hash(picture):
    pixels = torch.from_numpy(np.array(picture.convert("RGB"))).permute(2, 0, 1)
    return hash_picture(pixels.float() / 255)


def _distance(one, other):
    return int(count_differing_bits(unpack_hashes([_hash(one)]), unpack_hashes([_hash(other)]))[0])


@pytest.mark.parametrize(
    "change",
    [
        reencode,
        lambda picture: picture.resize((60, 45)),
        lambda picture: picture.resize((300, 225)),
        lambda picture: reencode(picture.resize((60, 45))),
        lambda picture: picture.convert("L"),
        lambda picture: picture.point(lambda level: int(255 * (level / 255) ** 0.8)),
    ],
)
def test_copies_are_near(change):
    for seed in range(5):
        picture = make_picture(seed)
        assert _distance(picture, change(picture)) <= MAX_DISTANCE / 2


def test_other_pictures_are_far():
    distances = [_distance(make_picture(s), make_picture(s + 1)) for s in range(10)]
    assert min(distances) > MAX_DISTANCE
    assert 0.35 < np.mean(distances) / NUM_BITS < 0.65


@pytest.mark.parametrize("colour", ["black", "red", "white"])
def test_one_colour_has_no_hash(colour):
    assert _hash(Image.new("RGB", (40, 40), colour)) is None


@pytest.mark.parametrize("text", ["", "00", "x" * 64, "0" * 66, 3])
def test_other_texts_are_no_hashes(text):
    with pytest.raises(ConfigError, match="no perceptual hash"):
        unpack_hashes([text])
    assert unpack_hashes([]).shape == (0, 32)
