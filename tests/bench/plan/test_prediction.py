"""Predictions extend laws that they can know, and say what they derive from."""

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.plan.prediction import Measured, predict_cost
from bench.records.identity import latest_records
from bench.records.store import read_records

ROOT = Path(__file__).parents[3]


def make_measured(pixels, *, offset=0.0, label="a HD"):
    return Measured(
        label=label,
        pixels=pixels,
        macs=10 * pixels,
        latency_ns=offset + 30.0 * pixels,
        peak_bytes=100 * pixels + 7,
    )


@given(
    offset=st.floats(0, 1e8),
    sizes=st.lists(st.integers(10_000, 10**7), min_size=2, max_size=4, unique=True),
)
def test_affine_laws_are_recovered(offset, sizes):
    own = [make_measured(size, offset=offset) for size in sorted(sizes)]
    target = 10 * max(sizes)
    prediction = predict_cost(pixels=target, macs=10 * target, own=own, others=[])
    assert prediction.latency_ns == pytest.approx(offset + 30 * target, rel=1e-3)
    assert prediction.peak_bytes == pytest.approx(100 * target + 7, rel=1e-3)
    assert ", fitted to a HD" in prediction.basis


def test_one_case_scales_in_proportion():
    own = [make_measured(100)]
    prediction = predict_cost(pixels=400, macs=4000, own=own, others=[])
    assert (prediction.latency_ns, prediction.peak_bytes) == (12_000, 40_028)
    assert prediction.basis == "MACs and bytes, linear from a HD"


def test_subject_without_macs_scales_by_pixels():
    own = [Measured(label="content HD", pixels=10, macs=0, latency_ns=50.0, peak_bytes=10)]
    prediction = predict_cost(pixels=20, macs=0, own=own, others=[])
    assert prediction.latency_ns == 100
    assert prediction.basis.startswith("pixels")


def test_other_subjects_give_a_pessimistic_rate():
    slow = Measured(label="b HD", pixels=100, macs=100, latency_ns=900.0, peak_bytes=1)
    prediction = predict_cost(pixels=10, macs=50, own=[], others=[make_measured(100), slow])
    assert prediction.latency_ns == 450
    assert "slowest rate" in prediction.basis
    # one that also does work without a count says nothing about a rate
    others = [make_measured(100), slow, replace(slow, latency_ns=1e12, counts_all=False)]
    assert predict_cost(pixels=10, macs=50, own=[], others=others).latency_ns == 450
    # and nothing is known of such a one before it was measured
    assert predict_cost(pixels=10, macs=50, own=[], others=others, counts_all=False) is None


def test_nothing_measured_predicts_nothing():
    assert predict_cost(pixels=10, macs=50, own=[], others=[]) is None


def test_a_falling_law_is_not_extended():
    own = [
        Measured(label="HD", pixels=10, macs=10, latency_ns=100.0, peak_bytes=50),
        Measured(label="FHD", pixels=20, macs=20, latency_ns=90.0, peak_bytes=40),
    ]
    prediction = predict_cost(pixels=40, macs=40, own=own, others=[])
    assert prediction.latency_ns == 180
    assert prediction.basis == "MACs and bytes, linear from FHD"


@pytest.fixture(scope="module")
def committed_peaks():
    """Return pixels and peak memory of the committed full run, by subject and size."""
    peaks: dict[str, list[Measured]] = {}
    for record in latest_records(read_records(ROOT / "reports" / "cpu")):
        case = record.case
        if record.kind == "cost" and record.peak_bytes is not None:
            peaks.setdefault(case.subject, []).append(
                Measured(
                    label=f"{case.subject} {case.resolution}",
                    pixels=case.width * case.height,
                    macs=0,
                    latency_ns=1.0,
                    peak_bytes=record.peak_bytes,
                )
            )
    return {subject: sorted(own, key=lambda each: each.pixels) for subject, own in peaks.items()}


def test_committed_peak_memory_grows_with_the_size_of_every_subject(committed_peaks):
    assert len(committed_peaks) >= 10
    for subject, own in committed_peaks.items():
        peaks = [each.peak_bytes for each in own]
        assert peaks == sorted(set(peaks)), subject


@pytest.mark.parametrize("subject", ["content", "mobilenet_v1", "vgg16"])
def test_committed_8k_memory_is_predicted_from_hd_and_fhd(committed_peaks, subject):
    own = committed_peaks[subject]
    assert own[-1].label == f"{subject} 8K"
    prediction = predict_cost(pixels=own[-1].pixels, macs=0, own=own[:2], others=[])
    assert prediction.peak_bytes == pytest.approx(own[-1].peak_bytes, rel=0.25)
