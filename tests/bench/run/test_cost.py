"""Plans and costs of cases: what is predicted, what failed, what is kept."""

from dataclasses import replace
from pathlib import Path

import pytest
from small_runs import MACHINE, make_info, make_profile

from bench.plan.cases import plan_cost, plan_curve, require_cost
from bench.plan.image_pairs import ImagePair
from bench.plan.prediction import Measured
from bench.records.store import read_records
from bench.run.cost import CostRunner
from bench.run.recorder import Recorder, known_records
from pcakd.errors import ConfigError

PROFILE = make_profile()
INFO = make_info()


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"case_seconds": 15.0, "samples": 100_000}, " s of 15 s"),
        ({"memory_fraction": 1e-9}, "GiB"),
        ({"memory_fraction": 1e-9, "samples": 100_000, "sample_seconds": 0.5}, "GiB"),
    ],
)
def test_what_would_be_over_budget_is_predicted(tmp_path, changes, reason):
    profile = replace(PROFILE, **changes)
    recorder = Recorder(folder=tmp_path, profile=profile, environment={})
    runner = CostRunner(recorder=recorder, device="cpu", memory_bytes=2**34, command=("/none",))
    runner.measured["plain", "zca"] = [
        Measured(label="plain HD", pixels=1536, macs=100, latency_ns=1e6, peak_bytes=2**20)
    ]
    case, settings = plan_cost(profile, INFO, MACHINE)[1]
    record = runner.run(INFO, case, settings)
    assert record.status == "predicted"
    assert record.reason.startswith("over budget: about")
    assert reason in record.reason
    assert record.reason.endswith("predicted from MACs and bytes, linear from plain HD")
    assert record.predicted_latency_ns == 4_000_000


def test_bad_input_of_one_child_is_a_result_of_its_case(tmp_path):
    recorder = Recorder(folder=tmp_path, profile=PROFILE, environment={})
    runner = CostRunner(recorder=recorder, device="cpu", memory_bytes=2**34, command=("/none",))
    case, settings = plan_cost(PROFILE, INFO, MACHINE)[0]
    record = runner.run(INFO, case, settings)
    assert (record.status, record.latency_ns) == ("error", None)
    assert "cannot start /none" in record.reason
    assert read_records(tmp_path) == [record]


def test_a_failed_case_keeps_its_prediction(tmp_path):
    recorder = Recorder(folder=tmp_path, profile=PROFILE, environment={})
    runner = CostRunner(recorder=recorder, device="cpu", memory_bytes=2**34, command=("/none",))
    runner.measured["plain", "zca"] = [
        Measured(label="plain HD", pixels=1536, macs=100, latency_ns=1e6, peak_bytes=2**20)
    ]
    case, settings = plan_cost(PROFILE, INFO, MACHINE)[1]
    record = runner.run(INFO, case, settings)
    assert (record.status, record.predicted_latency_ns) == ("error", 4_000_000)
    assert record.predicted_peak_bytes == 4 * 2**20
    assert record.obtained["predicted_latency_ns"] == "predicted"
    assert record.reason.startswith("cannot start /none")
    assert "; predicted from MACs and bytes" in record.reason


def test_only_results_are_kept(tmp_path):
    recorder = Recorder(folder=tmp_path, profile=PROFILE, environment={})
    cases = [case for case, _ in plan_cost(PROFILE, INFO, MACHINE)]
    statuses = ("ok", "error", "predicted")
    for case, status in zip(cases, statuses, strict=True):
        recorder.write(case, status=status)
    assert [record.status for record in known_records(tmp_path).values()] == ["ok"]
    recorder.write(cases[0], status="error")
    assert known_records(tmp_path) == {}
    assert known_records(tmp_path / "none") == {}


def test_a_subject_without_cost_of_its_own_names_the_one_that_has_it():
    require_cost(INFO)
    trained = replace(INFO, name="photowct2-vgg16", cost_subject="photowct2")
    with pytest.raises(ConfigError, match="the cost of photowct2; name photowct2"):
        require_cost(trained)


def test_a_student_without_regularizer_has_strengths_only():
    profile = replace(PROFILE, curve_strengths=(0.5,), curve_regularizers=(0.1, 1.0))
    pair = ImagePair(
        name="01", content=Path("c.png"), style=Path("s.png"), hash="0", width=64, height=48
    )
    student = replace(INFO, regularizers=[0.0] * 4)
    (case,) = plan_curve(profile, student, MACHINE, [pair])
    assert (case.strength, case.regularizer, case.pair) == (0.5, None, "01")
    student = replace(student, regularizers=[2.0] * 4)
    assert [c.regularizer for c in plan_curve(profile, student, MACHINE, [pair])] == [None, 0.1, 1]
    assert plan_curve(profile, INFO, MACHINE, [pair]) == []
