"""Planned cases, the worst result and the exit status."""

import pytest

from bench.gate.cases import CaseResult, GateCase, GateResult, count_tests, plan_cases
from bench.gate.config import CaseOverride, GateConfig
from bench.gate.verdicts import Finding

CASE = GateCase(kind="latency", subject="a", resolution="HD", margin=0.05)


def gate(*verdicts):
    results = [CaseResult(case=CASE, verdict=verdict) for verdict in verdicts]
    return GateResult(results=results, base="main", head="working tree")


@pytest.mark.parametrize(
    ("verdicts", "status", "tolerant"),
    [
        (["same or better"], 0, 0),
        (["improved"], 0, 0),
        (["same or better", "not comparable"], 0, 0),
        (["worse", "inconclusive"], 1, 1),
        (["failed"], 1, 1),
        (["missing"], 1, 1),
        (["inconclusive", "same or better"], 3, 0),
        (["not comparable"], 4, 4),
        ([], 4, 4),
    ],
)
def test_exit_status(verdicts, status, tolerant):
    assert gate(*verdicts).exit_status() == status
    assert gate(*verdicts).exit_status(inconclusive_passes=True) == tolerant


def test_the_worst_case_is_furthest_beyond_its_margin():
    def worse(estimate, margin):
        case = GateCase(kind="latency", subject=f"{estimate}", margin=margin)
        finding = Finding(verdict="worse", estimate=estimate, count=4)
        return CaseResult(case=case, verdict="worse", finding=finding)

    results = [gate("improved").results[0], worse(0.2, 0.2), worse(0.1, 0.01)]
    found = GateResult(results=results, base="", head="").worst
    assert found is results[2]


def test_each_kind_has_its_cases():
    config = GateConfig(
        subjects=("a", "b"), resolutions=("HD", "4K"), metrics=("ssim",), speedups={"b a": 2.0}
    )
    names = [case.name for case in plan_cases(config)]
    assert names == [
        "counts parameters a", "counts parameters b",
        "counts MACs a HD", "counts MACs a 4K", "counts MACs b HD", "counts MACs b 4K",
        "quality ssim a", "quality ssim b",
        "memory a HD", "memory a 4K", "memory b HD", "memory b 4K",
        "latency a HD", "latency a 4K", "latency b HD", "latency b 4K",
        "speedup b a HD", "import pcakd", "size pca-kd-bench",
    ]  # fmt: skip
    assert count_tests(plan_cases(config)) == 6


def test_overrides_change_or_skip_cases():
    config = GateConfig(
        subjects=("a", "b"),
        resolutions=("HD", "4K"),
        kinds=("latency", "memory"),
        overrides=(
            CaseOverride(subjects=("a",), kinds=("latency",), margin=0.2, max_launches=6),
            CaseOverride(resolutions=("4K",), kinds=("latency",), case_seconds=7.0),
            CaseOverride(kinds=("memory",), skip=True),
        ),
    )
    cases = {case.name: case for case in plan_cases(config)}
    assert list(cases) == ["latency a HD", "latency a 4K", "latency b HD", "latency b 4K"]
    assert [case.margin for case in cases.values()] == [0.2, 0.2, 0.05, 0.05]
    assert [case.seconds for case in cases.values()] == [120.0, 7.0, 120.0, 7.0]
    assert [case.max_launches for case in cases.values()] == [6, 6, 24, 24]


def test_an_override_names_a_metric():
    config = GateConfig(
        subjects=("a",),
        kinds=("quality", "latency"),
        metrics=("ssim", "gmsd"),
        overrides=(CaseOverride(metrics=("ssim",), margin=0.2),),
    )
    margins = {case.name: case.margin for case in plan_cases(config)}
    assert margins["quality ssim a"] == 0.2
    assert margins["quality gmsd a"] == config.margins.of_metric("gmsd")
    assert margins["latency a HD"] == config.margins.latency


def test_threads_are_those_of_the_gate_or_of_an_override():
    config = GateConfig(
        subjects=("a", "b"),
        kinds=("memory", "latency"),
        threads=1,
        overrides=(CaseOverride(kinds=("memory",), subjects=("b",), threads=2),),
    )
    assert {case.name: case.threads for case in plan_cases(config)} == {
        "memory a HD": 1, "memory b HD": 2, "latency a HD": 1, "latency b HD": 1,
    }  # fmt: skip
    assert {case.threads for case in plan_cases(GateConfig())} == {None}
