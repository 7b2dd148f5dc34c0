"""Makers of small records for the tests of reports and comparisons."""

import dataclasses
import math
from pathlib import Path

import pytest
from fake_worker import JOBS, FakeMetrics
from small_runs import run_jobs_here

from bench.records.schema import Case, Record, hash_case

PROTOCOL = {
    "gram": "vgg16-torchvision, relu1_1 to relu4_1, G = FFᵀ/(CHW)",
    "ssim": "scikit-image, 7 × 7 window, RGB, data_range=1",
    "lpips": "lpips alex",
    "latency": "perf_counter_ns",
}


def _record(case, changes):
    fields = {
        "environment": {"python": "3.11.9", "torch": "2.9.0"},
        "commit": "0123abc",
        "dirty": False,
        "created": "2025-01-02T03:04:05Z",
        "config": {"profile": "quick", "quality_max_side": 512},
        "status": "ok",
    }
    known = {field.name for field in dataclasses.fields(Case)}
    case = dataclasses.replace(case, **{k: v for k, v in changes.items() if k in known})
    fields |= {k: v for k, v in changes.items() if k not in known}
    return Record(kind=case.kind, case=case, case_hash=hash_case(case), **fields)


@pytest.fixture
def importable_code(monkeypatch):
    """Let processes that a test starts import this checkout."""
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[2]))


@pytest.fixture
def in_process(monkeypatch):
    """Run the jobs of `fake_worker` in this process."""
    monkeypatch.setattr("bench.quality.metrics.Metrics", FakeMetrics)
    run_jobs_here(monkeypatch, JOBS)


@pytest.fixture(scope="session")
def make_cost():
    """Return a maker of cost records; arguments replace fields of the case and of the record."""

    def make(subject="vgg16", resolution="HD", width=1280, height=720, **changes):
        case = Case(
            kind="cost", subject=subject, subject_hash=f"hash of {subject}", resolution=resolution,
            width=width, height=height, transform="zca", device="cpu", device_name="Some CPU",
            threads=2, warmup=1, samples=3,
        )  # fmt: skip
        measured = {
            "num_params": 1000, "num_eigenbasis_params": 20, "macs_content": 10 * width * height,
            "macs_total": 25 * width * height, "uncounted": {},
            "protocol": {"latency": PROTOCOL["latency"]},
        }  # fmt: skip
        if changes.get("status", "ok") == "ok":
            measured |= {"latency_ns": [10_000_000, 12_000_000, 11_000_000], "peak_bytes": 2**30}
        return _record(case, measured | changes)

    return make


def _scored(kind, subject, pair, changes):
    case = Case(
        kind=kind, subject=subject, subject_hash=f"hash of {subject}", pair=pair,
        pair_hash=f"hash of {pair}", width=512, height=341, transform="zca", device="cpu",
        device_name="Some CPU", threads=2,
    )  # fmt: skip
    scores = {"gram": 0.5, "ssim": 0.7, "lpips": 0.3}
    protocol = {name: PROTOCOL[name] for name in scores}
    if changes.get("status", "ok") != "ok":
        scores = {}
    return _record(case, {"protocol": protocol} | scores | changes)


@pytest.fixture(scope="session")
def make_quality():
    """Return a maker of quality records."""

    def make(subject="vgg16", pair="01", **changes):
        return _scored("quality", subject, pair, changes)

    return make


@pytest.fixture(scope="session")
def make_curve():
    """Return a maker of curve records of a student whose own λ is 2.5."""

    def make(subject="vgg16", pair="01", **changes):
        return _scored("curve", subject, pair, {"own_regularizers": [2.5] * 4} | changes)

    return make


@pytest.fixture(scope="session")
def make_pair():
    """Return a maker of speed ratios; ``ratio`` is how many times as fast ``other`` is."""

    def make(subject="vgg16", other="mobilenet_v1", ratio=2.0, rounds=6, **changes):
        case = Case(
            kind="pair", subject=subject, subject_hash=f"hash of {subject}", resolution="HD",
            width=1280, height=720, transform="zca", device="cpu", device_name="Some CPU",
            threads=2, warmup=1, samples=rounds, other=other, other_hash=f"hash of {other}",
            other_transform="zca",
        )  # fmt: skip
        measured = {"protocol": {"pair": "taken in turn"}}
        if changes.get("status", "ok") == "ok":
            wobble = [1 + (n - (rounds - 1) / 2) / 100 for n in range(rounds)]
            measured["latency_ns"] = [round(1e8 * ratio * each) for each in wobble]
            measured["other_latency_ns"] = [100_000_000] * rounds
        return _record(case, measured | changes)

    return make


@pytest.fixture(scope="session")
def make_ratio(make_pair):
    """Return a maker of the records of a speed ratio in several processes, which differ by 1 %."""

    def make(subject="vgg16", other="mobilenet_v1", ratio=2.0, processes=3, **changes):
        return [
            make_pair(subject, other, ratio * 1.01 ** (n - 1), repeat=n, **changes)
            for n in range(processes)
        ]

    return make


@pytest.fixture(scope="session")
def make_capacity():
    """Return a maker of capacity records; ``tried`` maps scales to whether they fit."""

    def make(subject="vgg16", tried=None, memory_bytes=2**31, **changes):
        case = Case(
            kind="capacity", subject=subject, subject_hash=f"hash of {subject}", resolution="8K",
            width=7680, height=4320, transform="zca", device="cpu", device_name="Some CPU",
            threads=2, samples=1, memory_bytes=memory_bytes,
        )  # fmt: skip
        fitting = [k for k, fits in (tried or {}).items() if fits]
        probes = [
            {"width": 16 * k, "height": 9 * k} | ({} if fits is None else {"fits": int(fits)})
            for k, fits in (tried or {}).items()
        ]
        fields = {"probes": probes}
        if fitting:
            largest = max(fitting)
            fields |= {"largest_width": 16 * largest, "largest_height": 9 * largest}
            fields |= {"peak_bytes": 2**30}
        return _record(case, fields | changes)

    return make


@pytest.fixture(scope="session")
def records(make_cost, make_quality):
    """Return the records of a small run: every status, two sizes, three subjects, two pairs."""
    fhd = {"resolution": "FHD", "width": 1920, "height": 1080}
    big = {"resolution": "4K", "width": 3840, "height": 2160}
    predicted = {
        "status": "predicted", "reason": "not measured in this profile",
        "predicted_latency_ns": 90_000_000, "predicted_peak_bytes": 5 * 2**29,
    }  # fmt: skip
    none = {"transform": "none", "num_params": 0, "num_eigenbasis_params": 0, "macs_content": 0}
    return [
        make_cost(uncounted={"sigmoid": 2}),
        make_cost(**fhd, latency_ns=[22_000_000, 24_000_000, 23_000_000]),
        make_cost(**big, **predicted),
        make_cost(
            "vgg19-full", status="oom", reason="needed more than 2 GiB", num_params=7_011_040
        ),
        make_cost("vgg19-full", **fhd, status="timeout", reason="took more than 90 s"),
        make_cost("vgg19-full", **big, status="error", reason="RuntimeError: broken"),
        make_cost("reinhard", **none, latency_ns=[1_000_000, 1_100_000, 900_000]),
        make_cost("reinhard", **none, **fhd, latency_ns=[2_000_000, 2_100_000, 1_900_000]),
        make_quality(),
        make_quality(pair="02", gram=0.6, ssim=0.6, lpips=0.4),
        make_quality(transform="adain", gram=0.7, ssim=0.66, lpips=0.34),
        make_quality(transform="adain", pair="02", gram=0.72, ssim=0.62, lpips=0.38),
        make_quality("reinhard", transform="none", gram=0.8, ssim=0.9, lpips=0.2),
        make_quality("reinhard", transform="none", pair="02", status="oom", reason="no memory"),
        make_quality("vgg19-full", pair=None, status="untrained", reason="seeded weights"),
    ]


@pytest.fixture(scope="session")
def make_stages():
    """Return a maker of time breakdowns: 90 of 100 ms in convolutions."""

    def make(subject="vgg16", resolution="HD", width=1280, height=720, **changes):
        case = Case(
            kind="stages", subject=subject, subject_hash=f"hash of {subject}",
            resolution=resolution, width=width, height=height, transform="zca", device="cpu",
            device_name="Some CPU", threads=2, warmup=1, samples=6,
        )  # fmt: skip
        stages = {
            "encode": {"latency_ns": 60_000_000, "macs": 2_500_000_000, "bytes": 500_000_000},
            "covariance": {"latency_ns": 8_000_000, "macs": 100_000_000, "bytes": 90_000_000},
            "eigh": {"latency_ns": 1_000_000, "macs": 4_000_000, "bytes": 300_000},
            "transform": {"latency_ns": 500_000, "macs": 150_000_000, "bytes": 48_000_000},
            "decode": {"latency_ns": 30_000_000, "macs": 1_500_000_000, "bytes": 400_000_000},
            "other": {"latency_ns": 500_000, "macs": 0, "bytes": 15_000_000},
            "filter": {"latency_ns": 40_000_000},
        }
        measured = {"protocol": {"stage bytes": "read and written"}}
        if changes.get("status", "ok") == "ok":
            measured |= {"latency_ns": [90_000_000] * 6, "stages": stages}
        return _record(case, measured | changes)

    return make


@pytest.fixture(scope="session")
def make_gate():
    """Make a gate of a self-test as `bench.gate.rates.read_gates` gives it."""

    def make(slow_down, status, *, logs=(0.0, 0.01, -0.01, 0.0), number=0):
        base = 100_000_000
        case = {
            "name": "latency a HD",
            "verdict": {0: "same or better", 1: "worse", 3: "inconclusive"}[status],
            "case": {"max_launches": 24, "margin": 0.05},
            "finding": {"count": len(logs), "estimate": sum(logs) / len(logs)},
            "base_samples": [[base] * 2 for _ in logs],
            "head_samples": [[round(base * math.exp(log))] * 2 for log in logs],
        }
        return {
            "slow_down": slow_down,
            "number": number,
            "commit": "0123456789abcdef",
            "neighbours": 1,
            "seconds": 40.0,
            "exit_status": status,
            "config": {"error": 0.01, "budget_seconds": 900.0, "max_launches": 24},
            "environment": {"cpu": "a processor", "torch": "2.9.0", "threads": 2},
            "cases": [case],
        }

    return make
