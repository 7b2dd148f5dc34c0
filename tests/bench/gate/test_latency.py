"""What an open case of latency or of a speed-up says would settle it."""

import json
import math
from pathlib import Path

import pytest

from bench.gate.cases import GateCase
from bench.gate.latency import _explain, _Launch
from bench.gate.side_client import SideError
from bench.gate.verdicts import Finding, SequentialTest

ROOT = Path(__file__).parents[3]
CASE = GateCase(kind="latency", subject="a", resolution="HD", margin=0.05)
FLOOR = GateCase(kind="speedup", subject="b a", resolution="HD", margin=0.05, floor=2.0)


@pytest.mark.parametrize(
    ("case", "samples", "text"),
    [
        (
            CASE,
            [0.3],
            "after one launch, which has no variation to judge by (max_launches, budget_",
        ),
        (CASE, [0.06, 0.0, 0.03, 0.05], "more launches would settle it (max_launches, budget_"),
        (CASE, [0.0] * 6, None),
        (CASE, [0.2, 0.21, 0.2, 0.2, 0.21, 0.2], None),
        (FLOOR, [-0.5, -0.51, -0.5, -0.5, -0.51, -0.5], "raise the floor"),
    ],
)
def test_an_open_case_says_what_would_settle_it(case, samples, text):
    finding = SequentialTest(error=0.001, max_launches=6).judge(samples, margin=0.05, over=True)
    advice = _explain(finding, case)
    assert advice == text if text is None else text in advice


def test_noise_around_the_margin_is_not_settled_by_more_launches():
    finding = Finding(verdict="inconclusive", estimate=0.05, low=0.0, high=0.1, count=24)
    text = "after 24 launches; more of the same noise would not settle it"
    assert _explain(finding, CASE) == text


class FakeProcess:
    """A process of a side whose answers are kept until somebody receives them."""

    def __init__(self, side, *, fails):
        self.side, self.fails, self.unread, self.closed = side, fails, 0, False

    def receive(self):
        self.unread -= 1
        if self.fails:
            raise SideError(self.side, "cannot start")

    def close(self):
        self.closed = True


class FakeContext:
    """Starts processes; those of one side fail."""

    def __init__(self, failing):
        self.failing, self.started = failing, []

    def start(self, side, *, seconds):
        self.started.append(FakeProcess(side, fails=side == self.failing))
        return self.started[-1]

    def send_begin(self, process):
        process.unread += 1


@pytest.mark.parametrize("failing", ["base", "head"])
def test_a_side_that_cannot_start_leaves_no_unread_answer_behind(failing):
    context = FakeContext(failing)
    launch = _Launch(context)
    with pytest.raises(SideError, match="cannot start"):
        launch.start(("base", "head"), 1.0)
    assert all(process.closed for process in context.started)
    context.failing = None
    launch.start(("base", "head"), 1.0)
    assert [process.side for process in context.started[2:]] == ["base", "head"]
    assert not any(process.unread for process in context.started[2:])


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
