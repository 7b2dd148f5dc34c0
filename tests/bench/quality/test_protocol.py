import subprocess
import sys

import pytest

from bench.quality.metrics import Metrics
from bench.quality.protocol import (
    METRICS,
    describe_size,
    gram_protocol,
    lpips_protocol,
    ssim_protocol,
)

NATIVE = describe_size()


def test_the_directions_of_the_metrics() -> None:
    assert {m.name: m.higher_is_better for m in METRICS} == {
        "gram": False,
        "ssim": True,
        "lpips": False,
    }
    assert [m.arrow for m in METRICS] == ["↓", "↑", "↓"]


def test_ids_say_network_hash_layers_divisor_size_colour_and_range() -> None:
    gram = gram_protocol("ab" * 32, ["relu1_1", "relu2_1"], NATIVE)
    assert all(
        part in gram
        for part in (
            "vgg16",
            "@abababab",
            "relu1_1,relu2_1",
            "/(C*H*W)",
            "native size",
            "RGB [0,1]",
        )
    )
    assert "data range 1" in ssim_protocol("0.26", NATIVE)
    assert "@abababab with v0.1 heads@cdcdcdcd" in lpips_protocol("ab" * 32, "cd" * 32, NATIVE)


def test_ids_say_what_pairs_were_made_smaller_to() -> None:
    size = describe_size(max_side=512)
    ids = gram_protocol("a", [], size), ssim_protocol("1", size), lpips_protocol("a", "b", size)
    assert all("at most 512 px a side" in each and "native" not in each for each in ids)


@pytest.mark.weights
@pytest.mark.usefixtures("weights_folder")
def test_loaded_metrics_say_their_size() -> None:
    metrics = Metrics(progress=False, max_side=512)
    assert all("; at most 512 px a side, " in text for text in metrics.protocol.values())


def test_the_protocol_needs_no_torch() -> None:
    code = "import sys, bench.quality.protocol; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
