"""WCT², the slowest peer, against a plain implementation of what its paper says."""

import plain_wct2
import pytest

from bench.peers.registry import PEERS
from bench.peers.wct2 import WCT2

SIDE = 256


def run_ours(network, content, style):
    return PEERS.get("wct2-cat5").stylize(network, content, style, "zca")


@pytest.fixture(scope="module")
def network():
    made = PEERS.get("wct2-cat5").create_network()
    assert isinstance(made, WCT2)
    return made


@pytest.mark.parametrize("way", [plain_wct2.stylize, run_ours], ids=["plain", "ours"])
@pytest.mark.benchmark(group="wct2-cat5")
def test_stylize(benchmark, network, content, style, way):
    images = (image[:, :SIDE, :SIDE].contiguous() for image in (content, style))
    benchmark.pedantic(way, args=(network, *images), rounds=5, warmup_rounds=1)
