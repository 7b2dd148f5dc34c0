"""Cost cases: what is predicted, what fails, which records a resumed run keeps."""

from dataclasses import replace

import pytest
from small_runs import make_context, make_description, make_info, make_profile, no_bar

from bench.plan.cases import require_cost
from bench.plan.config import Override
from bench.plan.prediction import Measured
from bench.records.schema import METRIC_NAMES
from bench.records.store import read_records
from bench.run.cost import CostMeasurement, plan, run, time_case
from bench.run.recorder import known_records
from bench.worker.process import Outcome
from pcakd.errors import ConfigError

PROFILE = make_profile()
INFO = make_info()
KNOWN = Measured(label="plain HD", pixels=1536, macs=100, latency_ns=1e6, peak_bytes=2**20)


def plan_cases(profile=PROFILE):
    return plan(profile, make_description(INFO))


def test_cases_grow_and_a_subject_with_the_cost_of_another_has_none():
    trained = replace(INFO, name="photowct2-vgg16", cost_subject="photowct2")
    planned = plan(PROFILE, make_description(INFO, trained))
    assert [(each.case.subject, each.case.resolution) for each in planned] == [
        ("plain", "48x32"),
        ("plain", "96x64"),
        ("plain", "384x256"),
    ]


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"case_seconds": 15.0, "samples": 100_000}, " s of 15 s"),
        ({"memory_fraction": 1e-9}, "GiB"),
        ({"memory_fraction": 1e-9, "samples": 100_000, "sample_seconds": 0.5}, "GiB"),
    ],
)
def test_a_case_over_budget_is_predicted(tmp_path, changes, reason):
    measurement = CostMeasurement(make_context(tmp_path))
    measurement.measured["plain", "zca"] = [KNOWN]
    record = measurement.run(plan_cases(replace(PROFILE, **changes))[1])
    assert record.status == "predicted"
    assert record.reason.startswith("over budget: about")
    assert reason in record.reason
    assert record.reason.endswith("predicted from MACs and bytes, linear from plain HD")
    assert record.predicted_latency_ns == 4_000_000


def test_a_child_that_cannot_start_is_an_error_of_its_case(tmp_path):
    record = CostMeasurement(make_context(tmp_path)).run(plan_cases()[0])
    assert (record.status, record.latency_ns) == ("error", None)
    assert "cannot start /none" in record.reason
    assert read_records(tmp_path) == [record]


def test_a_failed_case_keeps_its_prediction(tmp_path):
    measurement = CostMeasurement(make_context(tmp_path))
    measurement.measured["plain", "zca"] = [KNOWN]
    record = measurement.run(plan_cases()[1])
    assert (record.status, record.predicted_latency_ns) == ("error", 4_000_000)
    assert record.predicted_peak_bytes == 4 * 2**20
    assert record.obtained["predicted_latency_ns"] == "predicted"
    assert record.reason.startswith("cannot start /none")
    assert "; predicted from MACs and bytes" in record.reason


def test_errors_and_predictions_are_not_kept(tmp_path):
    recorder = make_context(tmp_path).recorder
    cases = plan_cases()
    statuses = ("ok", "error", "predicted")
    for planned, status in zip(cases, statuses, strict=True):
        recorder.write(planned, status=status)
    assert [record.status for record in known_records(tmp_path).values()] == ["ok"]
    recorder.write(cases[0], status="error")
    assert known_records(tmp_path) == {}
    assert known_records(tmp_path / "none") == {}


def test_the_configuration_of_a_case_has_the_keys_of_earlier_records(tmp_path):
    record = make_context(tmp_path).recorder.write(plan_cases()[0], status="error")
    assert record.config == {
        "profile": "quick",
        "measured": ["48x32", "96x64"],
        "warmup": 1,
        "samples": 3,
        "processes": 1,
        "sample_seconds": None,
        "case_seconds": 600.0,
        "paired_rounds": 6,
        "memory_fraction": 0.9,
        "quality_max_side": 64,
        "capacity_gib": 0.0,
        "contention_resolutions": [],
        "metrics": list(METRIC_NAMES),
    }


def test_rounds_go_over_all_cases():
    often = Override(subjects=("other",), processes=3)
    profile = replace(PROFILE, subjects=("plain", "other"), overrides=(often,), processes=2)
    planned = plan(profile, make_description(INFO, make_info("other")))
    sizes = ("48x32", "96x64", "384x256")
    assert [(p.repeat, p.case.subject, p.case.resolution) for p in planned] == [
        (number, subject, size)
        for number, subjects in enumerate((("plain", "other"), ("plain", "other"), ("other",)))
        for subject in subjects
        for size in sizes
    ]
    assert planned[0].settings.as_config()["processes"] == 2


@pytest.mark.usefixtures("in_process")
def test_each_process_is_a_repeat_and_memory_is_measured_once(tmp_path):
    profile = replace(PROFILE, resolutions=("48x32",), processes=3)
    info = replace(INFO, macs={"48x32": INFO.macs["48x32"]})
    planned = plan(profile, make_description(info, make_info("greedy")))
    records = run(make_context(tmp_path), planned, no_bar())
    assert [(r.case.subject, r.repeat, r.status) for r in records] == [
        ("plain", 0, "ok"), ("greedy", 0, "oom"), ("plain", 1, "ok"), ("plain", 2, "ok"),
    ]  # fmt: skip
    plain = [record for record in records if record.status == "ok"]
    assert all(len(record.latency_ns) == 3 and record.macs_total == 400 for record in plain)
    assert [record.peak_bytes is None for record in plain] == [False, True, True]
    assert all(record.machine_state["after"]["matmul_ns"] > 0 for record in plain)
    assert len({record.case_hash for record in plain}) == 1
    again = run(make_context(tmp_path, known=known_records(tmp_path)), planned, no_bar())
    assert [record for record in again if record.status == "ok"] == plain


@pytest.mark.parametrize(("seconds", "calls"), [(600.0, 2), (0.0, 1)])
def test_a_disturbed_process_is_measured_once_more_within_the_budget(tmp_path, seconds, calls):
    given = []

    class Context:
        def measure(self, job, planned, **options):
            given.append(job["job"])
            state = {"disturbed": len(given) == 1}
            answer = {"type": "cost", "latency_ns": [len(given)], "machine_state": state}
            return [answer], Outcome(status="ok")

    planned = replace(plan_cases()[0], seconds=seconds)
    fields = time_case(Context(), planned)
    assert (len(given), fields["latency_ns"]) == (calls, [calls])


def test_a_subject_with_the_cost_of_another_names_it():
    require_cost(INFO)
    trained = replace(INFO, name="photowct2-vgg16", cost_subject="photowct2")
    with pytest.raises(
        ConfigError, match="the cost of photowct2, only its quality differs; name photowct2"
    ):
        require_cost(trained)
