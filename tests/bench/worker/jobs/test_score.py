"""A job that scores a subject: errors of a pair, styles measured once."""

import torch
from job_inputs import make_pairs, parse

from bench.quality import metrics as quality_metrics
from bench.quality.values import MetricValues
from bench.worker.jobs import score_quality


class FakeMetrics:
    def __init__(self, **options):
        del options
        self.protocol = {"gram": "fake/1"}

    def describe_style(self, style):
        return {"mean": style.double().mean((0, 2, 3))}

    def measure(self, output, content, described):
        return MetricValues(gram=0.5, ssim=0.25, lpips=0.125)


def test_a_pair_that_cannot_be_stylized_is_one_error(tmp_path, monkeypatch):
    monkeypatch.setattr(quality_metrics, "Metrics", FakeMetrics)
    pairs = make_pairs(tmp_path, a=((64, 48), (32, 32)), b=((60, 48), (32, 32)))
    job = {
        "device": "cpu", "subject": "picky", "name": "picky", "max_side": 0, "metrics": ["gram"],
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

        def measure(self, output, content, described):
            scored.append(described)
            return super().measure(output, content, described)

    monkeypatch.setattr(quality_metrics, "Metrics", Counting)
    pairs = make_pairs(tmp_path, b=((60, 48), (32, 32)), c=((60, 48), (40, 32)))
    job = {
        "device": "cpu", "subject": "picky", "name": "picky", "max_side": 0, "examples": None,
        "pairs": [pair | {"transforms": ["zca"]} for pair in pairs], "styles": str(tmp_path),
        "metrics": ["gram"],
    }  # fmt: skip
    for _ in range(2):
        score_quality(job, [].append, parse=parse)
    assert [style.shape[-1] for style in described] == [32, 40]
    assert len(scored) == 4
    for first, second in zip(scored[:2], scored[2:], strict=True):
        torch.testing.assert_close(first, second, atol=0, rtol=0)
