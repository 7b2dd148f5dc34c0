"""All metrics together: those that are chosen, at the sizes that they can measure."""

import json
from dataclasses import asdict
from pathlib import Path

import pytest
import torch
from photographs import load_photograph

from bench.quality.metrics import Metrics
from bench.quality.protocol import METRICS
from bench.quality.values import MetricValues
from bench.records.schema import METRIC_NAMES, Record
from pcakd.errors import ShapeError

ROOT = Path(__file__).parents[3]
WITHOUT_WEIGHTS = ("sliced_wasserstein", "histogram_correlation", "ssim", "gmsd", "edge_ssim")


def measured(values):
    return {name for name, value in asdict(values).items() if value is not None}


def test_names_are_the_same_everywhere():
    assert tuple(metric.name for metric in METRICS) == METRIC_NAMES
    assert tuple(MetricValues.__dataclass_fields__) == METRIC_NAMES
    assert set(METRIC_NAMES) <= set(Record.__dataclass_fields__)


@pytest.mark.parametrize("names", [WITHOUT_WEIGHTS, WITHOUT_WEIGHTS[1:3], ["haarpsi"]])
def test_what_is_not_chosen_is_not_measured(names, monkeypatch):
    monkeypatch.setattr("bench.quality.style.GramDistance", None)  # calling it would raise
    metrics = Metrics(names=names, progress=False)
    content, style = (load_photograph(f"01_{role}", 48, 64) for role in ("content", "style"))
    values = metrics.measure(content * 0.9, content, metrics.describe_style(style))
    assert measured(values) == set(metrics.protocol) == set(names)


def test_ms_ssim_is_left_out_of_small_images():
    metrics = Metrics(names=("ms_ssim", "ssim"), progress=False)
    for side, names in ((160, {"ssim"}), (161, {"ms_ssim", "ssim"})):
        image = torch.zeros(1, 3, side, 170)
        assert measured(metrics.measure(image, image, {})) == names


def test_outputs_that_cannot_be_compared_are_refused():
    metrics = Metrics(names=("ssim",), progress=False)
    image = torch.zeros(1, 3, 40, 40)
    with pytest.raises(ShapeError, match="the size of its content"):
        metrics.measure(image[..., :39], image, {})
    with pytest.raises(ShapeError, match="not finite"):
        metrics.measure(image / 0, image, {})


@pytest.mark.weights
@pytest.mark.usefixtures("weights_folder")
def test_all_metrics_of_equal_images_and_of_small_styles():
    metrics = Metrics(progress=False)
    image = load_photograph("06_content", 161, 170)
    best = asdict(metrics.measure(image, image, metrics.describe_style(image)))
    perfect = {metric.name: float(metric.higher_is_better) for metric in METRICS}
    assert best == pytest.approx(perfect, abs=1e-5)
    style = load_photograph("06_style", 24, 40)  # too small for AlexNet
    values = metrics.measure(image, image, metrics.describe_style(style))
    assert measured(values) == {*METRIC_NAMES} - {"alexnet_gram"}
    assert 0 < values.bounded_gram < 1


def test_the_documentation_states_what_metrics_cost():
    record = json.loads((ROOT / "reports" / "metrics" / "costs.json").read_text(encoding="utf-8"))
    assert not record["commit_info"]["dirty"]
    times = {each["name"]: each["stats"]["median"] for each in record["benchmarks"]}
    vgg, mobilenet = (times.pop(f"test_stylizing[{name}]") for name in ("vgg16", "mobilenet_v1"))
    gram, bounded = (times.pop(f"test_metric[{name}]") for name in ("gram", "bounded_gram"))
    assert len(times) == len(METRIC_NAMES) - 2
    assert max(times.values()) < 1.25 * vgg < min(gram, bounded)
    stated = " ".join((ROOT / "docs" / "measurement.md").read_text(encoding="utf-8").split())
    shares = [round(100 * time / vgg) for time in times.values()]
    assert (
        f"with one thread of an {record['machine_info']['cpu']['brand_raw']}, each metric takes "
        f"{min(shares)} to {max(shares)} % of a call of `vgg16` ({vgg:.1f} s; `mobilenet_v1` "
        f"{mobilenet:.1f} s), and the pass of VGG-16 that Gram and bounded Gram share "
        f"{gram / vgg:.1f} times as long"
    ) in stated
