"""Properties that the peers share: counts, tiles, transforms."""

import copy
from fractions import Fraction

import pytest
import torch
from seeded_inputs import seeded_photo

from bench.peers.registry import PEERS
from bench.profiling.macs import count_macs
from bench.subjects import parse_subject
from pcakd import tiling


@pytest.mark.parametrize(
    ("name", "num_params"),
    [
        ("wct2-cat5", 10_121_871),
        ("wct2-sum", 7_025_295),
        ("photowct", 8_349_948),
        ("photowct2", 7_010_959),
        ("cap-vstnet", 4_089_936),
    ],
)
def test_parameters_are_those_of_the_released_implementations(name, num_params):
    assert parse_subject(name).num_params == num_params


def _conv(k, n, scale, size=3):
    """Return the multiply-adds of a convolution an image pixel, at 1 / scale of its size."""
    return Fraction(k * n * size * size, scale * scale)


def _encoder(levels):
    macs = _conv(3, 3, 1, size=1) + _conv(3, 64, 1)
    for level, (k, convs) in enumerate(((64, 1), (128, 1), (256, 3))[: levels - 1]):
        macs += convs * _conv(k, k, 2**level) + _conv(k, 2 * k, 2 ** (level + 1))
    return macs


def _decoder(levels, widening=1):
    macs = _conv(64, 3, 1)
    for level, (k, convs) in enumerate(((64, 1), (128, 1), (256, 3))[: levels - 1]):
        macs += _conv(2 * k, k, 2 ** (level + 1)) + _conv(widening * k, k, 2**level)
        macs += (convs - 1) * _conv(k, k, 2**level)
    return macs


def _wavelets():
    """Return four bands of 2 × 2 kernels, pooling and unpooling, at three levels."""
    return sum(2 * 4 * k * Fraction(4, 4 * 4**level) for level, k in enumerate((64, 128, 256)))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("wct2-cat5", _encoder(4) + _decoder(4, widening=5) + _wavelets()),
        ("wct2-sum", _encoder(4) + _decoder(4) + _wavelets()),
        ("photowct", sum(_encoder(level) + _decoder(level) for level in (1, 2, 3, 4))),
        ("photowct2", _encoder(4) + _decoder(4)),
    ],
)
def test_content_macs_are_those_of_the_layers(name, expected):
    (count,) = count_macs(parse_subject(name).prepare(), [(48, 64)])
    assert count.macs_content == expected * 48 * 64


@pytest.mark.parametrize("name", ["wct2-cat5", "wct2-sum", "photowct", "photowct2"])
def test_tiles_give_what_whole_maps_give(networks, name, monkeypatch):
    monkeypatch.setattr(tiling, "_CPU_TILE_BYTES", 1 << 16)
    run = PEERS.get(name).stylize
    network = copy.deepcopy(networks[name]).double()
    content, style = seeded_photo(50, 70).double(), seeded_photo(44, 60, seed=1).double()
    result = run(network, content, style, "zca")
    expected = run(network, content, style, "zca", tiled=False)
    assert result.shape == content.shape
    assert result.std() > 0.05  # a constant output would agree with anything
    torch.testing.assert_close(result, expected)


def test_a_peer_of_another_kind_is_refused(networks):
    with pytest.raises(TypeError, match="expected PhotoWCT2"):
        PEERS.get("photowct2").stylize(
            networks["photowct"], seeded_photo(16, 16), seeded_photo(16, 16), "zca"
        )


@pytest.mark.parametrize("name", ["wct2-cat5", "photowct"])
def test_a_peer_uses_the_transform_in_its_name(networks, name):
    content, style = seeded_photo(32, 32), seeded_photo(32, 40, seed=1)
    run = PEERS.get(name).stylize
    outputs = [run(networks[name], content, style, each) for each in ("zca", "adain")]
    assert (outputs[0] - outputs[1]).abs().max() > 1e-3
    pinned = parse_subject(f"{name}@adain")
    assert pinned.transforms == ("adain",)
    assert parse_subject(name).transforms == ("zca",)
    assert not pinned.has_quality
    assert pinned.has_cost
