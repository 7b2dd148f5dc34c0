"""The table, Markdown, JSON and JUnit XML of a gate."""

import json
from xml.etree import ElementTree

import pytest

from bench.gate.cases import CaseResult, GateCase, GateResult
from bench.gate.render import summarize, to_json, to_junit, to_markdown, to_table
from bench.gate.verdicts import Finding

RESULTS = (
    CaseResult(
        case=GateCase(kind="latency", subject="vgg16", resolution="HD", margin=0.05),
        verdict="worse",
        finding=Finding(verdict="worse", estimate=0.1, low=0.08, high=0.12, count=6),
        base=700e6,
        head=773.6e6,
        base_samples=[[7e8]],
        head_samples=[[773.6e6]],
    ),
    CaseResult(
        case=GateCase(kind="quality", subject="a|b", quantity="ssim", margin=0.005),
        verdict="inconclusive",
        reason="outputs differ, PSNR 31.0 dB at worst (image pair 02)",
        finding=Finding(verdict="inconclusive", estimate=0.01, low=-0.001, high=0.021, count=6),
        base=0.8,
        head=0.79,
    ),
    CaseResult(
        case=GateCase(kind="counts", subject="vgg16", quantity="parameters"),
        verdict="same or better",
        finding=Finding(verdict="same or better", estimate=0.0, low=0.0, high=0.0, count=1),
        base=252890,
        head=252890,
    ),
    CaseResult(
        case=GateCase(kind="counts", subject="new", quantity="parameters"),
        verdict="not comparable",
        reason="base has no new",
    ),
)
GATE = GateResult(results=RESULTS, base="main", head="working tree", seconds=12.0)


def test_the_first_line_has_the_verdict_and_the_worst_case():
    assert summarize(GATE, status=1) == (
        "gate REGRESSION: 1 worse, 1 inconclusive, 1 not comparable, 1 same or better; "
        "worst: latency vgg16 HD, worse (+10.5 %)"
    )
    passed = GateResult(results=RESULTS[2:3], base="main", head="working tree")
    assert summarize(passed, status=0) == "gate passed: 1 same or better"
    empty = GateResult(results=(), base="main", head="working tree")
    assert summarize(empty, status=4) == "gate NOTHING MEASURED: no case"


def test_the_table_begins_with_the_worst():
    lines = to_table(GATE, status=1).splitlines()
    assert lines[4].split("  ")[0] == "WORSE"
    assert "700 ms" in lines[4]
    assert "+8.3 % to +12.7 %" in lines[4]
    assert "252,890" in to_table(GATE, status=1)


def test_markdown_keeps_its_columns():
    lines = [line for line in to_markdown(GATE, status=1).splitlines() if line.startswith("|")]
    assert len(lines) == 2 + len(RESULTS)
    assert {line.replace("\\|", "").count("|") for line in lines} == {9}


def test_json_has_every_sample():
    document = json.loads(json.dumps(to_json(GATE, status=1), allow_nan=False))
    assert document["exit_status"] == 1
    assert document["cases"][0]["name"] == "latency vgg16 HD"
    assert document["cases"][0]["head_samples"] == [[773.6e6]]


@pytest.mark.parametrize(("status", "failures", "skipped"), [(1, 1, 2), (3, 2, 1), (0, 1, 2)])
def test_junit_has_a_test_case_a_row(status, failures, skipped):
    suite = ElementTree.fromstring(to_junit(GATE, status=status)).find("testsuite")  # noqa: S314
    assert suite.get("tests") == str(len(RESULTS))
    assert (suite.get("failures"), suite.get("skipped")) == (str(failures), str(skipped))
    tests = suite.findall("testcase")
    assert tests[0].get("name") == "latency vgg16 HD"
    failure = tests[0].find("failure")
    assert failure.get("message").startswith("worse: 700 ms → 773.6 ms, +10.5 %")
