import subprocess
import sys

import pytest

from bench.quality.metrics import Metrics
from bench.quality.protocol import (
    METRICS,
    describe_size,
    gram_protocol,
    headline_metrics,
    lpips_protocol,
    other_metrics,
    ssim_protocol,
)
from bench.records.schema import METRIC_NAMES

NATIVE = describe_size()


def test_the_directions_of_the_metrics() -> None:
    higher = {m.name for m in METRICS if m.higher_is_better}
    assert higher == {"ssim", "ms_ssim", "edge_ssim", "haarpsi", "histogram_correlation"}
    assert [m.arrow for m in METRICS[:3]] == ["↓", "↑", "↓"]
    style = {m.name for m in METRICS if m.measures == "style"}
    assert style == {name for name in METRIC_NAMES if "gram" in name or "wasser" in name}


def test_headline_tables_have_three_metrics_and_the_bounded_gram_where_it_is_measured() -> None:
    old = {"gram", "ssim", "lpips"}
    assert [m.name for m in headline_metrics(old)] == ["gram", "ssim", "lpips"]
    assert other_metrics(old, old) == ()
    assert [m.name for m in headline_metrics(METRIC_NAMES)] == ["bounded_gram", "ssim", "lpips"]
    others = other_metrics(METRIC_NAMES, [m.name for m in headline_metrics(METRIC_NAMES)])
    assert {m.name for m in others} == set(METRIC_NAMES) - {"bounded_gram", "ssim", "lpips"}
    assert [m.measures for m in others] == ["style"] * 4 + ["content"] * 5


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
