"""Cases of stages: what is run, what is skipped, and what a child's answers become."""

from dataclasses import replace

import pytest
from small_runs import FAKE_WORKER, MACHINE, make_info, make_profile

from bench.commands.run import choose_profile
from bench.plan.cases import plan_cost, plan_stages
from bench.records.store import read_records
from bench.run.breakdown import StagesRunner, _measured_fields
from bench.run.recorder import Recorder
from bench.run.runner import Request, run_benchmark
from bench.worker.process import Outcome
from pcakd.errors import ConfigError

PROFILE = make_profile(
    resolutions=("48x32", "96x64"),
    samples=2,
    case_seconds=100.0,
    memory_fraction=0.5,
    stages=("96x64", "48x32"),
)
INFO = make_info()
STAGES = {"transform": {"latency_ns": 5, "macs": 4, "bytes": 8}}


def make_runner(folder, profile=PROFILE):
    recorder = Recorder(folder=folder, profile=profile, environment={})
    return StagesRunner(
        recorder=recorder, device="cpu", memory_bytes=2**34, command=("/none",), trace=None
    )


def test_the_smallest_comes_first_with_a_case_of_its_own():
    cases = [case for case, _ in plan_stages(PROFILE, INFO, MACHINE)]
    assert [(case.kind, case.resolution) for case in cases] == [
        ("stages", "48x32"),
        ("stages", "96x64"),
    ]
    assert [replace(case, kind="cost") for case in cases] == [
        case for case, _ in plan_cost(PROFILE, INFO, MACHINE)
    ]


@pytest.mark.parametrize(
    ("cost", "reason"),
    [
        ({"latency_ns": [20_000_000_000] * 2}, "over budget: about 110 s of 100 s"),
        ({"peak_bytes": 2**34}, "over budget: about 16.0 GiB of 8.0 GiB"),
        ({"status": "oom"}, "not run: its cost case ended in oom"),
        (
            {"status": "predicted", "predicted_latency_ns": 30_000_000_000},
            "over budget: about 160 s of 100 s",
        ),
    ],
)
def test_what_its_cost_case_rules_out_is_not_run(tmp_path, make_cost, cost, reason):
    ((case, settings), _) = plan_stages(PROFILE, INFO, MACHINE)
    cost = make_cost(**cost)
    record = make_runner(tmp_path).run(INFO, case, settings, cost=cost)
    assert (record.kind, record.status, record.stages) == ("stages", "predicted", None)
    assert record.reason == reason
    assert read_records(tmp_path) == [record]


@pytest.mark.parametrize("cost", [None, {"latency_ns": [17_000_000_000]}])
def test_what_fits_is_run_and_a_child_that_cannot_start_is_a_result(tmp_path, make_cost, cost):
    ((case, settings), _) = plan_stages(PROFILE, INFO, MACHINE)
    cost = make_cost(**cost) if cost else None
    record = make_runner(tmp_path).run(INFO, case, settings, cost=cost)
    assert record.status == "error"
    assert record.reason.startswith("cannot start /none")


def test_a_filter_that_fails_leaves_the_stages():
    first = {"type": "stages", "latency_ns": [6, 7], "stages": STAGES}
    work = {"latency_ns": 9, "macs": 10, "bytes": 11}
    whole = _measured_fields([first, {"type": "filter", **work}], Outcome(status="ok"))
    assert whole["stages"] == STAGES | {"filter": work}
    assert whole["latency_ns"] == [6, 7]
    assert "reason" not in whole
    part = _measured_fields([first], Outcome(status="oom", reason="no memory"))
    assert (part["status"], part["stages"]) == ("ok", STAGES)
    assert part["reason"] == "after the stages, oom: no memory"
    none = _measured_fields([], Outcome(status="timeout", reason="slow"))
    assert none == {"status": "timeout", "reason": "slow"}
    assert _measured_fields([], Outcome(status="ok"))["status"] == "error"


def test_stages_are_told_of_resolutions_of_the_run_only():
    with pytest.raises(ConfigError, match="stages has 'HD'; use those of resolutions: 48x32"):
        replace(PROFILE, stages=("HD",))
    assert choose_profile(PROFILE, None, "48x32").stages == ("48x32",)
    assert choose_profile(PROFILE, None, "64x64").stages == ()


@pytest.mark.slow
@pytest.mark.usefixtures("importable_code")
def test_a_run_with_stages(tmp_path):
    profile = replace(
        PROFILE, case_seconds=600.0, memory_fraction=0.9, stages=("48x32",), resolutions=("48x32",)
    )
    request = Request(profile=profile, device="cpu", out=tmp_path / "run", command=FAKE_WORKER)
    records = read_records(run_benchmark(request))
    assert [record.kind for record in records] == ["cost", "stages"]
    record = records[1]
    assert record.status == "ok", record.reason
    assert len(record.latency_ns) == 2
    assert set(record.stages) == {"other", "filter"}
    assert record.stages["other"]["macs"] == record.macs_total == records[0].macs_total
    assert record.obtained["stages.bytes"] == "derived"
    assert "no caches" in record.protocol["stage bytes"]
    assert record.protocol["latency"] == records[0].protocol["latency"]
    again = read_records(run_benchmark(replace(request, resume=True)))
    assert again == records
