"""Time breakdowns: what is measured, what is skipped, and the record of a child's messages."""

from dataclasses import replace

import pytest
from pydantic import ValidationError
from small_runs import (
    FAKE_WORKER,
    make_context,
    make_description,
    make_info,
    make_profile,
)

from bench.commands.run import choose_profile
from bench.records.store import read_records
from bench.run import cost as cost_cases
from bench.run.breakdown import _measured_fields, measure_breakdown, plan
from bench.run.runner import Request, run_benchmark
from bench.worker.process import Outcome

PROFILE = make_profile(
    resolutions=("48x32", "96x64"),
    samples=2,
    case_seconds=100.0,
    memory_fraction=0.5,
    breakdown_resolutions=("96x64", "48x32"),
)
RUN = make_description(make_info())
SECTIONS = {"transform": {"latency_ns": 5, "macs": 4, "bytes": 8}}


def test_the_smallest_comes_first_with_a_case_of_its_own():
    cases = [planned.case for planned in plan(PROFILE, RUN)]
    assert [(case.kind, case.resolution) for case in cases] == [
        ("stages", "48x32"),
        ("stages", "96x64"),
    ]
    assert [replace(case, kind="cost") for case in cases] == [
        planned.case for planned in cost_cases.plan(PROFILE, RUN)
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
def test_a_case_that_its_cost_case_rules_out_is_not_measured(tmp_path, make_cost, cost, reason):
    planned = plan(PROFILE, RUN)[0]
    record = measure_breakdown(make_context(tmp_path), planned, cost=make_cost(**cost))
    assert (record.kind, record.status, record.stages) == ("stages", "predicted", None)
    assert record.reason == reason
    assert read_records(tmp_path) == [record]


@pytest.mark.parametrize("cost", [None, {"latency_ns": [17_000_000_000]}])
def test_a_child_that_cannot_start_is_an_error_of_its_case(tmp_path, make_cost, cost):
    planned = plan(PROFILE, RUN)[0]
    cost = make_cost(**cost) if cost else None
    record = measure_breakdown(make_context(tmp_path), planned, cost=cost)
    assert record.status == "error"
    assert record.reason.startswith("cannot start /none")


def test_a_failed_filter_keeps_the_other_sections():
    first = {"type": "breakdown", "latency_ns": [6, 7], "sections": SECTIONS}
    first["machine_state"] = {"disturbed": False}
    work = {"latency_ns": 9, "macs": 10, "bytes": 11}
    whole = _measured_fields([first, {"type": "filter", **work}], Outcome(status="ok"))
    assert whole["stages"] == SECTIONS | {"filter": work}
    assert whole["latency_ns"] == [6, 7]
    assert whole["machine_state"] == {"disturbed": False}
    assert "reason" not in whole
    part = _measured_fields([first], Outcome(status="oom", reason="no memory"))
    assert (part["status"], part["stages"]) == ("ok", SECTIONS)
    assert part["reason"] == "after the time breakdown, oom: no memory"
    none = _measured_fields([], Outcome(status="timeout", reason="slow"))
    assert none == {"status": "timeout", "reason": "slow"}
    assert _measured_fields([], Outcome(status="ok"))["status"] == "error"


def test_breakdown_resolutions_are_resolutions_of_the_run():
    match = "breakdown_resolutions has 'HD'; use those of resolutions: 48x32"
    with pytest.raises(ValidationError, match=match):
        replace(PROFILE, breakdown_resolutions=("HD",))
    assert choose_profile(PROFILE, None, "48x32").breakdown_resolutions == ("48x32",)
    assert choose_profile(PROFILE, None, "64x64").breakdown_resolutions == ()


@pytest.mark.usefixtures("in_process")
def test_a_run_with_a_breakdown(tmp_path):
    profile = replace(
        PROFILE,
        case_seconds=600.0,
        memory_fraction=0.9,
        resolutions=("48x32",),
        breakdown_resolutions=("48x32",),
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
    assert "caches, tiles" in record.protocol["stage bytes"]
    assert record.protocol["latency"] == records[0].protocol["latency"]
    again = read_records(run_benchmark(replace(request, resume=True)))
    assert again == records
