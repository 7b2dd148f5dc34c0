"""Jobs: a pair that cannot be scored is an error record, a too small one ends the run."""

import json

import pytest
import torch
from PIL import Image

from bench.profiling.traffic import count_filter
from bench.quality import metrics as quality_metrics
from bench.subjects import Prepared, Subject
from bench.worker.jobs import describe_run, measure_breakdown, measure_capacity, score_quality
from pcakd.errors import NumericalError, ShapeError, UnknownNameError
from pcakd.utils.sections import section


class FakeMetrics:
    def __init__(self, **options):
        del options
        self.protocol = {"gram": "fake/1"}

    def describe_style(self, style):
        return [style.double().mean((0, 2, 3)).outer(torch.ones(3).double())]

    def measure(self, output, content, grams):
        return quality_metrics.MetricValues(gram=0.5, ssim=0.25, lpips=0.125)


def stylize(content, style):
    if content.shape[-1] == 64:
        raise NumericalError("the numbers ran away")
    return content


def parse(text):
    return Subject(
        name=text, transforms=("zca",), precision="fp32", has_quality=True, hash="0", num_params=0,
        num_eigenbasis_params=0, build=lambda *_: Prepared(modules=(), run=stylize),
    )  # fmt: skip


def make_pairs(folder, **sizes):
    pairs = []
    for name, both in sizes.items():
        pair = {"name": name}
        for role, size in zip(("content", "style"), both, strict=True):
            pair[role] = str(folder / f"{name}_{role}.png")
            Image.new("RGB", size, (200, 100, 50)).save(pair[role])
        pairs.append(pair)
    return pairs


def test_a_pair_that_cannot_be_stylized_is_one_error(tmp_path, monkeypatch):
    monkeypatch.setattr(quality_metrics, "Metrics", FakeMetrics)
    pairs = make_pairs(tmp_path, a=((64, 48), (32, 32)), b=((60, 48), (32, 32)))
    job = {
        "device": "cpu", "subject": "picky", "name": "picky", "max_side": 0,
        "pairs": [pair | {"transforms": ["zca"]} for pair in pairs],
        "examples": str(tmp_path / "examples"), "styles": str(tmp_path),
    }  # fmt: skip
    messages = []
    score_quality(job, messages.append, parse=parse)
    assert [(m["pair"], m["status"]) for m in messages] == [("a", "error"), ("b", "ok")]
    assert messages[0]["reason"] == "the numbers ran away"
    assert [path.name for path in (tmp_path / "examples").iterdir()] == ["b"]


def test_a_style_is_described_once_for_all_subjects(tmp_path, monkeypatch):
    described, scored = [], []

    class Counting(FakeMetrics):
        def describe_style(self, style):
            described.append(style)
            return super().describe_style(style)

        def measure(self, output, content, grams):
            scored.append(grams)
            return super().measure(output, content, grams)

    monkeypatch.setattr(quality_metrics, "Metrics", Counting)
    pairs = make_pairs(tmp_path, b=((60, 48), (32, 32)), c=((60, 48), (40, 32)))
    job = {
        "device": "cpu", "subject": "picky", "name": "picky", "max_side": 0, "examples": None,
        "pairs": [pair | {"transforms": ["zca"]} for pair in pairs], "styles": str(tmp_path),
    }  # fmt: skip
    for _ in range(2):
        score_quality(job, [].append, parse=parse)
    assert [style.shape[-1] for style in described] == [32, 40]
    assert len(scored) == 4
    for first, second in zip(scored[:2], scored[2:], strict=True):
        torch.testing.assert_close(first, second, atol=0, rtol=0)


def transfer(content, style):
    with section("transform"):
        moved = content + style.mean()
    return moved.clamp(0, 1)


def parse_transfer(text):
    return Subject(
        name=text, transforms=("none",), precision="fp32", has_quality=True, hash="0", num_params=0,
        num_eigenbasis_params=0, build=lambda *_: Prepared(modules=(), run=transfer),
    )  # fmt: skip


def test_sections_are_timed_and_counted_and_the_filter_apart(tmp_path):
    job = {
        "device": "cpu", "subject": "shift", "transform": "none", "width": 320, "height": 200,
        "warmup": 1, "samples": 9, "sample_seconds": 1e-6, "memory_fraction": 0.9,
        "trace": str(tmp_path / "trace.json"),
    }  # fmt: skip
    messages = []
    measure_breakdown(job, messages.append, parse=parse_transfer)
    first, second = messages
    assert (first["type"], second["type"]) == ("breakdown", "filter")
    assert len(first["latency_ns"]) == 2
    assert set(first["sections"]) == {"transform", "other"}
    # the mean and the sum, read twice and once, one result; the rest clips
    numbers = 3 * 320 * 200
    transform = first["sections"]["transform"]
    assert transform["macs"] == 2 * numbers
    assert transform["bytes"] == 4 * (3 * numbers + 2)
    assert transform["latency_ns"] > 0
    assert first["sections"]["other"]["bytes"] == 4 * 2 * numbers
    assert second["latency_ns"] > 0
    assert {unit: second[unit] for unit in ("macs", "bytes")} == count_filter(200, 320)
    events = json.loads((tmp_path / "trace.json").read_text())["traceEvents"]
    names = {event["name"] for event in events if event.get("cat") == "user_annotation"}
    assert names >= {"transform", "filter"}


@pytest.mark.parametrize(
    ("sizes", "message"),
    [
        (((30, 64), (64, 64)), "pair a: the content would be measured at 30x64 px, at least 31x31"),
        (((64, 64), (64, 15)), "pair a: the style would be measured at 64x15 px, at least 16x16"),
        (((64, 640), (64, 64)), "pair a: the content would be measured at 6x64 px"),
    ],
)
def test_too_small_a_pair_ends_the_run_before_it_begins(tmp_path, sizes, message):
    threads = torch.get_num_threads()
    job = {
        "device": "cpu", "max_side": 64, "pairs": make_pairs(tmp_path, a=sizes), "subjects": [],
        "resolutions": [],
    }  # fmt: skip
    try:
        with pytest.raises(ShapeError, match=message):
            describe_run(job, lambda message: None)
    finally:
        torch.set_num_threads(threads)


def test_a_wrong_name_is_reported_before_anything_is_counted():
    messages = []
    job = {"device": "cpu", "max_side": 64, "pairs": [], "resolutions": []}
    with pytest.raises(UnknownNameError, match="vgg16"):
        describe_run(job | {"subjects": ["content", "vgg61"]}, messages.append)
    assert messages == []


def test_capacity_sends_the_baseline_before_it_starts():
    job = {
        "device": "cpu", "subject": "plain", "width": 256, "height": 144, "transform": "zca",
        "memory_bytes": 2**20, "memory_fraction": 0.5,
    }  # fmt: skip
    messages = []
    seen = []

    def look(text):
        seen.append([message["type"] for message in messages])
        return parse(text)

    measure_capacity(job, messages.append, parse=look)
    assert seen == [["baseline"]]
    first, last = messages
    assert first["baseline_bytes"] > 0
    assert last["type"] == "capacity"
    assert last["latency_ns"] > 0
    assert last["peak_bytes"] >= 0
