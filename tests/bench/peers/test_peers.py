"""The peers: the released implementations' counts, tiles against whole maps, properties."""

import copy
from fractions import Fraction

import plain_wct2
import pytest
import torch
from torch import nn

from bench.peers.photowct import PhotoWCT
from bench.peers.registry import PEERS
from bench.peers.wct2 import WCT2
from bench.profiling.macs import count_macs
from bench.subjects import parse_subject
from pcakd import tiling

WIDTHS = (64, 128, 256, 512)


def _image(height, width, seed=0):
    return torch.rand(3, height, width, generator=torch.Generator().manual_seed(seed))


@pytest.fixture(scope="module")
def networks():
    """Return each peer with weights that keep the scale of what passes."""
    made = {}
    for name in PEERS.names():
        autoencoder = PEERS.get(name).create_seeded()
        for module in autoencoder.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, generator=torch.Generator().manual_seed(0))
        made[name] = PEERS.get(name).assemble(autoencoder)
    return made


@pytest.mark.parametrize(
    ("name", "num_params"),
    [
        ("wct2-cat5", 10_121_871),
        ("wct2-sum", 7_025_295),
        ("photowct", 8_349_948),
        ("photowct2", 7_010_959),
    ],
)
def test_parameters_are_those_of_the_released_implementations(name, num_params):
    assert parse_subject(name).num_params == num_params


def test_fixed_wavelet_weights_are_counted():
    network = WCT2(concat=True)
    fixed = sum(p.numel() for n, p in network.named_parameters() if n.endswith("kernels"))
    assert fixed == 14_336


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


@pytest.mark.parametrize("name", ["wct2-sum", "wct2-cat5"])
def test_networks_convert_to_channels_last(networks, name):
    network = copy.deepcopy(networks[name])
    before = {key: value.clone() for key, value in network.state_dict().items()}
    network.to(memory_format=torch.channels_last)
    for key, value in network.state_dict().items():
        assert torch.equal(value, before[key])


@pytest.mark.parametrize("name", ["wct2-cat5", "wct2-sum", "photowct", "photowct2"])
def test_tiles_give_what_whole_maps_give(networks, name, monkeypatch):
    monkeypatch.setattr(tiling, "_CPU_TILE_BYTES", 1 << 16)
    run = PEERS.get(name).stylize
    content, style = _image(50, 70), _image(44, 60, seed=1)
    result = run(networks[name], content, style, "zca")
    expected = run(networks[name], content, style, "zca", tiled=False)
    assert result.shape == content.shape
    assert result.std() > 0.05  # a constant output would agree with anything
    torch.testing.assert_close(result, expected, atol=2e-3, rtol=0)


def test_wct2_agrees_with_its_reference_implementation(networks):
    content, style = _image(48, 72), _image(40, 64, seed=1)
    result = PEERS.get("wct2-cat5").stylize(networks["wct2-cat5"], content, style, "zca")
    expected = plain_wct2.stylize(networks["wct2-cat5"], content, style)
    assert result.std() > 0.05
    torch.testing.assert_close(result, expected, atol=2e-3, rtol=0)


def test_levels_of_photowct_share_their_weights(networks):
    network = networks["photowct"]
    assert isinstance(network, PhotoWCT)
    deepest = network.levels[-1].state_dict()
    for level in network.levels:
        for name, tensor in level.state_dict().items():
            assert torch.equal(tensor, deepest[name])


def test_a_peer_of_another_kind_is_refused(networks):
    with pytest.raises(TypeError, match="expected PhotoWCT2"):
        PEERS.get("photowct2").stylize(networks["photowct"], _image(16, 16), _image(16, 16), "zca")


@pytest.mark.parametrize("name", ["wct2-cat5", "photowct"])
def test_a_peer_uses_the_transform_in_its_name(networks, name):
    content, style = _image(32, 32), _image(32, 40, seed=1)
    run = PEERS.get(name).stylize
    outputs = [run(networks[name], content, style, each) for each in ("zca", "adain")]
    assert (outputs[0] - outputs[1]).abs().max() > 1e-3
    pinned = parse_subject(f"{name}@adain")
    assert pinned.transforms == ("adain",)
    assert parse_subject(name).transforms == ("zca",)
    assert not pinned.has_quality
    assert pinned.has_cost
