"""Predictions extend laws that they can know, and say what they derive from."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.plan.prediction import Measured, predict_cost


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
