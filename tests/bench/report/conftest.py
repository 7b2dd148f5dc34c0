"""Records and golden files that tests of several sections share."""

import os
import re
from pathlib import Path

import pytest

GOLDEN = Path(__file__).parent / "golden"
RAW_NUMBER = re.compile(r"-?\d+\.\d{9,}(?:e[+-]?\d+)?")


@pytest.fixture
def check_golden():
    """Compare a text with a committed file; PCAKD_UPDATE_GOLDEN=1 writes the file anew.

    Raw numbers may differ in their last digits: releases of SciPy compute quantiles differently.
    """

    def check(name, text):
        if os.environ.get("PCAKD_UPDATE_GOLDEN"):
            (GOLDEN / name).write_text(text, encoding="utf-8")
        expected = (GOLDEN / name).read_text(encoding="utf-8")
        assert RAW_NUMBER.sub("#", text) == RAW_NUMBER.sub("#", expected)
        numbers, others = (list(map(float, RAW_NUMBER.findall(each))) for each in (text, expected))
        assert numbers == pytest.approx(others, rel=1e-6)

    return check


@pytest.fixture
def compared(make_stages):
    """A student, 6 times as fast with 20 times fewer multiply-adds, and a colour transfer."""
    full = {
        "encode": {"latency_ns": 380_000_000, "macs": 38_000_000_000, "bytes": 2_000_000_000},
        "covariance": {"latency_ns": 50_000_000, "macs": 1_000_000_000, "bytes": 500_000_000},
        "transform": {"latency_ns": 10_000_000, "macs": 500_000_000, "bytes": 100_000_000},
        "decode": {"latency_ns": 560_000_000, "macs": 42_000_000_000, "bytes": 2_000_000_000},
    }
    colour = {"transform": {"latency_ns": 9_000_000, "macs": 3_000_000, "bytes": 90_000_000}}
    return [
        make_stages(),
        make_stages("vgg19-full", latency_ns=[540_000_000] * 6, stages=full),
        make_stages("reinhard", transform="none", latency_ns=[9_000_000] * 6, stages=colour),
    ]
