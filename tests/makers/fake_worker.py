"""A worker whose subjects misbehave by name; its metrics need no weights."""

import os
import signal
import sys
import time
from functools import partial

import torch

from bench.quality.protocol import describe_size
from bench.subjects import Prepared, Subject, parse_subject
from bench.worker.child import serve
from bench.worker.jobs import (
    describe_run,
    measure_breakdown,
    measure_capacity,
    measure_cost,
    measure_memory,
    measure_ratio,
    score_quality,
)
from pcakd.errors import ShapeError


def run(name, content, style):
    if name == "sleepy":
        time.sleep(60)
    if name == "hungry" and content.shape[-1] > 200:
        held = []
        while True:
            held.append(torch.ones(2**24))
            time.sleep(0.01)
    if name == "greedy":
        torch.empty(2**50)
    if name == "killed":
        os.kill(os.getpid(), signal.SIGKILL)
    if name == "broken":
        raise RuntimeError("the gears\nare stuck")
    return (content + style.mean()).clamp(0, 1)


def run_varied(variation, content, style):
    """Return a grey image whose value shows the strength."""
    if variation.regularizer == 10:
        raise ShapeError("too much λ")
    return torch.full_like(content, 0.25 * variation.strength)


def parse(text):
    if text in ("content", "reinhard"):
        return parse_subject(text)
    varied = {}
    if text == "student":
        varied = {
            "regularizers": [2.0] * 4,
            "vary": lambda device, transform, variation: Prepared(
                modules=(), run=partial(run_varied, variation)
            ),
        }
    return Subject(
        **varied,
        name=text,
        transforms=("zca", "ot"),
        precision="fp32",
        has_quality=text != "untrained",
        hash=f"hash of {text}",
        num_params=7,
        num_eigenbasis_params=3,
        build=lambda device, transform: Prepared(modules=(), run=partial(run, text)),
    )


def parse_for_counting(text):
    return parse("plain") if text not in ("content", "reinhard") else parse(text)


def describe(job, send):
    def send_named(message):
        if message["type"] == "subject":
            message["name"] = message["source"]
            message["hash"] = f"hash of {message['source']}"
            message["has_quality"] = message["source"] != "untrained"
            message["regularizers"] = [2.0] * 4 if message["source"] == "student" else None
        send(message)

    describe_run(job, send_named, parse=parse_for_counting)


def score(job, send):
    from bench.quality import metrics  # slow to import, and only needed for quality

    metrics.Metrics = FakeMetrics
    score_quality(job, send, parse=parse)


class FakeMetrics:
    def __init__(self, *, names, device, progress, max_side):
        size = describe_size(max_side=max_side)
        self.protocol = dict.fromkeys(names, f"fake/1: {size}")

    def describe_style(self, style):
        return {"mean": style.double().mean((0, 2, 3))}

    def measure(self, output, content, described):
        from bench.quality.values import MetricValues

        if content.shape[-1] == 40:
            raise ShapeError("too small to score")
        is_grey = bool((output == output[0, 0, 0, 0]).all())  # of a varied subject
        ssim = float(output[0, 0, 0, 0]) if is_grey else 0.25
        return MetricValues(gram=0.5, ssim=ssim, lpips=float(content.mean()))


JOBS = {
    "describe": describe,
    "cost": partial(measure_cost, parse=parse),
    "memory": partial(measure_memory, parse=parse),
    "ratio": partial(measure_ratio, parse=parse),
    "capacity": partial(measure_capacity, parse=parse),
    "breakdown": partial(measure_breakdown, parse=parse),
    "quality": score,
}

if __name__ == "__main__":
    sys.exit(serve(JOBS))
