"""Speed ratios: planned from a benchmark profile, measured in one child, failures recorded."""

from dataclasses import replace

import pytest
from small_runs import (
    FAKE_WORKER,
    make_context,
    make_description,
    make_info,
    make_profile,
)

from bench.plan.config import Override
from bench.records.store import read_records
from bench.run.recorder import known_records
from bench.run.runner import Request, run_benchmark
from bench.run.speed_ratio import measure_ratio, plan

PROFILE = make_profile(
    subjects=("plain", "other", "greedy", "sleepy"),
    resolutions=(),
    measured=(),
    case_seconds=60.0,
    speed_ratios=("plain other", "greedy plain"),
    ratio_resolution="48x32",
    ratio_rounds=4,
)


def plan_ratios(profile=PROFILE):
    return plan(profile, make_description(*(make_info(name) for name in profile.subjects)))


def test_plans_follow_the_profile():
    slow = Override(subjects=("other",), warmup=3, case_seconds=100.0, ratio_rounds=9)
    first, second = plan_ratios(replace(PROFILE, overrides=(slow,)))
    assert (first.case.subject, first.case.other) == ("plain", "other")
    assert (first.case.subject_hash, first.case.other_hash) == ("hash of plain", "hash of other")
    assert (first.case.transform, first.case.other_transform) == ("zca", "zca")
    assert (first.case.resolution, first.case.width, first.case.height) == ("48x32", 48, 32)
    assert (first.case.warmup, first.case.samples, first.seconds) == (3, 9, 160.0)
    assert (second.case.warmup, second.case.samples, second.seconds) == (1, 4, 120.0)


@pytest.mark.usefixtures("in_process")
def test_a_run_measures_speed_ratios_after_costs(tmp_path):
    profile = replace(
        PROFILE,
        subjects=("plain", "greedy"),
        resolutions=("48x32",),
        measured=("48x32",),
        speed_ratios=("greedy plain", "plain plain"),
    )
    request = Request(profile=profile, device="cpu", out=tmp_path / "run", command=FAKE_WORKER)
    records = read_records(run_benchmark(request))
    kinds = [record.kind for record in records]
    assert kinds == ["cost", "cost", "pair", "pair"]
    failed, measured = records[2:]
    assert (failed.status, failed.latency_ns, failed.other_latency_ns) == ("oom", None, None)
    assert measured.status == "ok"
    assert len(measured.latency_ns) == len(measured.other_latency_ns) == 4
    names = ("latency_ns", "other_latency_ns", "machine_state")
    assert measured.obtained == dict.fromkeys(names, "measured")
    assert "one process" in measured.protocol["pair"]
    resumed = replace(request, resume=True)
    assert read_records(run_benchmark(resumed)) == records
    alone = replace(request, out=tmp_path / "alone", only=("ratio",))
    assert [(r.kind, r.status) for r in read_records(run_benchmark(alone))] == [
        ("pair", "oom"), ("pair", "ok"),
    ]  # fmt: skip


@pytest.mark.slow
@pytest.mark.usefixtures("importable_code")
def test_running_out_of_time_is_a_result(tmp_path):
    profile = replace(PROFILE, case_seconds=3.0, speed_ratios=("sleepy plain",))
    (planned,) = plan_ratios(profile)
    record = measure_ratio(make_context(tmp_path, command=FAKE_WORKER), planned)
    assert (record.status, record.reason) == ("timeout", "took more than its budget of 6 s")
    assert read_records(tmp_path) == [record]
    resumed = make_context(tmp_path, known=known_records(tmp_path))
    assert measure_ratio(resumed, planned) == record


def test_a_child_that_cannot_start_is_an_error_of_its_case(tmp_path):
    record = measure_ratio(make_context(tmp_path), plan_ratios()[0])
    assert record.status == "error"
    assert "cannot start /none" in record.reason
    assert known_records(tmp_path) == {}  # tried again by a resumed run
