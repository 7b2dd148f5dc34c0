"""What an open case of latency or of a speed-up says would settle it."""

import json
import math
from pathlib import Path

import pytest

from bench.gate.cases import GateCase
from bench.gate.latency import _advise
from bench.gate.verdicts import Finding, SequentialTest

ROOT = Path(__file__).parents[3]
CASE = GateCase(kind="latency", subject="a", resolution="HD", margin=0.05)
FLOOR = GateCase(kind="speedup", subject="b a", resolution="HD", margin=0.05, floor=2.0)


@pytest.mark.parametrize(
    ("case", "samples", "text"),
    [
        (CASE, [0.3], "after one launch, which has no variation to judge by (budget_seconds)"),
        (CASE, [0.06, 0.0, 0.03, 0.05], "more launches would settle it (max_launches, budget_"),
        (CASE, [0.0] * 6, None),
        (CASE, [0.2, 0.21, 0.2, 0.2, 0.21, 0.2], None),
        (FLOOR, [-0.5, -0.51, -0.5, -0.5, -0.51, -0.5], "raise the floor"),
    ],
)
def test_an_open_case_says_what_would_settle_it(case, samples, text):
    finding = SequentialTest(error=0.001, max_launches=6).judge(samples, margin=0.05, over=True)
    advice = _advise(finding, case)
    assert advice == text if text is None else text in advice


def test_noise_around_the_margin_is_not_settled_by_more_launches():
    finding = Finding(verdict="inconclusive", estimate=0.05, low=0.0, high=0.1, count=24)
    text = "after 24 launches; more of the same noise would not settle it"
    assert _advise(finding, CASE) == text


def test_the_docs_state_the_latency_before_tiles_ran_on_threads():
    text = " ".join((ROOT / "docs" / "measurement.md").read_text(encoding="utf-8").split())
    for resolution in ("HD", "4K"):
        path = ROOT / "reports" / "contention" / f"before-threads-{resolution.lower()}.json"
        document = json.loads(path.read_text(encoding="utf-8"))
        assert document["base"] == "888c416843be"
        assert f"(../reports/contention/{path.name})" in text
        assert len(document["cases"]) == 2
        for case in document["cases"]:
            name = Path(case["case"]["subject"]).stem
            found = case["finding"]
            change, low, high = (
                f"{100 * math.expm1(found[key]):+.1f}" for key in ("estimate", "low", "high")
            )
            assert case["case"]["resolution"] == resolution
            assert f"`{name}` {change} % [{low}, {high}]" in text
