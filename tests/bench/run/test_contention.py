"""Latency on a busy machine: planned like cost, left out where cost failed."""

from dataclasses import replace

import pytest
from pydantic import ValidationError
from small_runs import make_context, make_description, make_info, make_profile, no_bar

from bench.commands.run import choose_profile
from bench.plan.config import Override
from bench.run import contention, cost
from bench.run.recorder import known_records

PROFILE = make_profile(
    subjects=("plain", "greedy"),
    resolutions=("48x32",),
    contention_resolutions=("48x32",),
    processes=2,
)
INFOS = [make_info(name, macs={"48x32": make_info().macs["48x32"]}) for name in ("plain", "greedy")]


@pytest.mark.usefixtures("in_process")
def test_cases_are_measured_after_cost_and_resumed(tmp_path, monkeypatch):
    counts = []
    whole = contention.time_case

    def look(context, planned, *, neighbours):
        counts.append(neighbours)
        return whole(context, planned, neighbours=neighbours)

    monkeypatch.setattr(contention, "time_case", look)
    description = make_description(*INFOS)
    context = make_context(tmp_path)
    cost.run(context, cost.plan(PROFILE, description), no_bar())
    planned = contention.plan(PROFILE, description)
    records = contention.run(context, planned, no_bar())
    assert [(r.case.subject, r.kind, r.repeat, r.status) for r in records] == [
        ("plain", "contention", 0, "ok"), ("plain", "contention", 1, "ok"),
    ]  # fmt: skip
    assert counts == [records[0].case.threads] * 2
    assert all(len(record.latency_ns) == 3 for record in records)
    assert "endless loops" in records[0].protocol["contention"]
    again = make_context(tmp_path, known=known_records(tmp_path))
    assert contention.run(again, planned, no_bar()) == records
    assert len(counts) == 2


@pytest.mark.usefixtures("in_process")
def test_a_failed_case_is_not_tried_in_further_processes(tmp_path):
    planned = contention.plan(PROFILE, make_description(INFOS[1]))
    (record,) = contention.run(make_context(tmp_path), planned, no_bar())
    assert (record.status, record.repeat) == ("oom", 0)


def test_its_resolutions_are_resolutions_of_the_run():
    with pytest.raises(ValidationError, match="contention_resolutions has 'HD'; use those of"):
        replace(PROFILE, contention_resolutions=("HD",))
    assert choose_profile(PROFILE, None, "48x32").contention_resolutions == ("48x32",)
    assert choose_profile(PROFILE, None, "64x64").contention_resolutions == ()


def test_an_override_leaves_a_subject_out():
    override = Override(subjects=("greedy",), contention_resolutions=())
    profile = replace(PROFILE, overrides=(override,))
    planned = contention.plan(profile, make_description(*INFOS))
    assert [(each.case.subject, each.repeat) for each in planned] == [("plain", 0), ("plain", 1)]
    small = choose_profile(profile, None, "64x64")
    assert small.overrides[0].contention_resolutions == ()
    with pytest.raises(ValidationError, match="contention_resolutions has 'HD'; use those of"):
        replace(profile, overrides=(replace(override, contention_resolutions=("HD",)),))
