"""WCT² against its reference implementation."""

import copy

import plain_wct2
import pytest
import torch
from seeded_inputs import seeded_photo

from bench.peers.registry import PEERS
from bench.peers.wct2 import WCT2


def test_fixed_wavelet_weights_are_counted():
    network = WCT2(concat=True)
    fixed = sum(p.numel() for n, p in network.named_parameters() if n.endswith("kernels"))
    assert fixed == 14_336


@pytest.mark.parametrize("name", ["wct2-sum", "wct2-cat5"])
def test_networks_convert_to_channels_last(networks, name):
    network = copy.deepcopy(networks[name])
    before = {key: value.clone() for key, value in network.state_dict().items()}
    network.to(memory_format=torch.channels_last)
    for key, value in network.state_dict().items():
        assert torch.equal(value, before[key])


def test_wct2_agrees_with_its_reference_implementation(networks):
    network = copy.deepcopy(networks["wct2-cat5"]).double()
    content, style = seeded_photo(48, 72).double(), seeded_photo(40, 64, seed=1).double()
    result = PEERS.get("wct2-cat5").stylize(network, content, style, "zca")
    expected = plain_wct2.stylize(network, content, style)
    assert result.std() > 0.05
    torch.testing.assert_close(result, expected)
