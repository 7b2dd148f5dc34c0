"""A run writes one record for each case, also of subjects that fail."""

import re
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from PIL import Image
from small_runs import FAKE_WORKER, MACHINE, make_description, make_info, make_profile

from bench.commands.run import choose_measurements
from bench.machine.memory import total_bytes
from bench.plan.config import Override
from bench.plan.image_pairs import ImagePair
from bench.records.identity import Machine
from bench.records.schema import encode_record
from bench.records.store import read_records
from bench.run.kinds import MEASUREMENTS
from bench.run.preflight import refuse_same_names
from bench.run.runner import Request, default_folder, run_benchmark
from pcakd.errors import ConfigError, OutputError, PcakdError

PROFILE = make_profile(transforms=("zca", "ot"))


@pytest.fixture(scope="module")
def pairs(tmp_path_factory):
    folder = tmp_path_factory.mktemp("pairs")
    sizes = {"01": (128, 96), "02": (40, 40)}
    files = []
    for name, size in sizes.items():
        paths = [folder / f"{name}_{role}.png" for role in ("content", "style")]
        for path in paths:
            Image.new("RGB", size, (200, 100, 50)).save(path)
        files.append(ImagePair(name=name, content=paths[0], style=paths[1]))
    return files


def run(tmp_path, profile, **options):
    request = Request(
        profile=profile, device="cpu", out=tmp_path / "run", command=FAKE_WORKER, **options
    )
    return read_records(run_benchmark(request))


@pytest.mark.slow
@pytest.mark.usefixtures("importable_code")
def test_a_healthy_subject(tmp_path, pairs):
    profile = replace(
        PROFILE,
        subjects=("plain", "untrained"),
        overrides=(Override(subjects=("untrained",), measured=()),),
    )
    records = run(tmp_path, profile, pairs=pairs, examples=True, commit=("abc", True))
    cost = [record for record in records if record.kind == "cost"]
    assert [(r.case.subject, r.case.resolution, r.status) for r in cost[:3]] == [
        ("plain", "48x32", "ok"),
        ("plain", "96x64", "ok"),
        ("plain", "384x256", "predicted"),
    ]
    first, predicted = cost[0], cost[2]
    assert len(first.latency_ns) == first.case.samples == 3
    assert first.peak_bytes > 0
    assert (first.num_params, first.num_eigenbasis_params) == (7, 3)
    assert first.macs_total > 0
    assert first.obtained["latency_ns"] == "measured"
    assert (first.commit, first.dirty) == ("abc", True)
    assert first.config["samples"] == 3
    assert predicted.latency_ns is None
    assert predicted.predicted_latency_ns > 0
    assert predicted.reason.startswith("not run in profile quick; predicted from")
    assert predicted.obtained["predicted_latency_ns"] == "predicted"

    quality = [record for record in records if record.kind == "quality"]
    keys = [(r.case.subject, r.case.pair, r.case.transform, r.status) for r in quality]
    assert keys == [
        ("plain", "01", "zca", "ok"),
        ("plain", "01", "ot", "ok"),
        ("plain", "02", "zca", "error"),
        ("plain", "02", "ot", "error"),
        ("untrained", None, "zca", "untrained"),
    ]
    assert (quality[0].gram, quality[0].ssim) == (0.5, 0.25)
    assert (quality[0].case.width, quality[0].case.height) == (64, 48)
    assert quality[0].protocol["gram"].startswith("fake/1: at most 64 px a side")
    assert quality[2].reason == "too small to score"
    names = sorted(path.name for path in (tmp_path / "run" / "examples" / "01").iterdir())
    assert names == ["content.jpg", "plain.jpg", "style.jpg"]


@pytest.mark.slow
@pytest.mark.usefixtures("importable_code")
def test_misbehaving_subjects(tmp_path):
    budget = 1.5 * 2**30 / total_bytes(torch.device("cpu"))
    profile = replace(
        PROFILE,
        subjects=("greedy", "killed", "broken", "hungry"),
        resolutions=("48x32", "384x256"),
        measured=("48x32", "384x256"),
        memory_fraction=min(0.9, budget),
        overrides=(
            Override(subjects=("greedy", "killed", "broken"), measured=("48x32",)),
            Override(subjects=("hungry",), measured=("384x256",)),
        ),
    )
    records = run(tmp_path, profile)
    by_case = {(r.case.subject, r.case.resolution): r for r in records}
    statuses = {key: record.status for key, record in by_case.items()}
    assert statuses == {
        ("greedy", "48x32"): "oom",
        ("greedy", "384x256"): "predicted",
        ("killed", "48x32"): "oom",
        ("killed", "384x256"): "predicted",
        ("broken", "48x32"): "error",
        ("broken", "384x256"): "predicted",
        ("hungry", "48x32"): "predicted",
        ("hungry", "384x256"): "oom",
    }
    assert "RuntimeError: the gears are stuck" in by_case["broken", "48x32"].reason
    assert "budget" in by_case["hungry", "384x256"].reason


@pytest.mark.slow
@pytest.mark.usefixtures("importable_code")
def test_a_timeout_is_remembered(tmp_path):
    profile = replace(
        PROFILE,
        subjects=("sleepy",),
        resolutions=("48x32", "96x64"),
        overrides=(Override(subjects=("sleepy",), case_seconds=8.0),),
    )
    early, late = run(tmp_path, profile)
    assert early.status == "timeout"
    assert late.status == "predicted"
    assert late.reason.startswith("not run: sleepy 48x32 ended in timeout; nothing measured")


@pytest.mark.usefixtures("in_process")
def test_resume_keeps_records_and_a_new_run_starts_a_new_file(tmp_path):
    profile = replace(PROFILE, resolutions=("48x32",))
    first = run(tmp_path, profile)
    assert run(tmp_path, profile, resume=True) == first
    retrained = replace(profile, subjects=("broken",))
    assert [record.case.subject for record in run(tmp_path, retrained)] == ["broken"]
    (aside,) = (tmp_path / "run").glob("records.*.jsonl")
    assert read_records(aside) == first


@pytest.mark.usefixtures("in_process")
@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"commit": "b" * 40}, "another commit (bbbbbbbbbbbb; this is aaaaaaaaaaaa)"),
        ({"commit": None}, "another commit (no commit, version"),
        ({"dirty": True}, "another commit (aaaaaaaaaaaa with unknown changes; this is"),
        ({"environment": {"torch": "1.0"}}, "another torch (1.0; this is"),
        ({"environment": {"threads": 77}}, "another machine ("),
    ],
)
def test_results_of_other_code_or_another_machine_are_kept_only_if_asked(
    tmp_path, changes, message
):
    profile, code = replace(PROFILE, resolutions=("48x32",)), ("a" * 40, False)
    (first,) = run(tmp_path, profile, commit=code)
    assert run(tmp_path, profile, resume=True, commit=code) == [first]
    other = replace(
        first, **changes | {"environment": first.environment | changes.get("environment", {})}
    )
    path = tmp_path / "run" / "records.jsonl"
    path.write_text(encode_record(other) + "\n")
    with pytest.raises(ConfigError, match=re.escape(message)) as error:
        run(tmp_path, profile, resume=True, commit=code)
    assert "--mixed" in str(error.value)
    assert read_records(path) == [other]
    profile = replace(profile, resolutions=("48x32", "96x64"))
    kept, added = run(tmp_path, profile, resume=True, mixed=True, commit=code)
    assert kept == other
    assert added.commit == code[0]


@pytest.mark.usefixtures("in_process")
def test_uncommitted_changes_are_told_by_their_hash(tmp_path, monkeypatch):
    profile, code = replace(PROFILE, resolutions=("48x32",)), ("a" * 40, True)
    monkeypatch.setattr("bench.run.context.hash_edits", lambda: "1" * 64)
    (first,) = run(tmp_path, profile, commit=code)
    assert first.environment["edits"] == "1" * 64
    assert run(tmp_path, profile, resume=True, commit=code) == [first]
    monkeypatch.setattr("bench.run.context.hash_edits", lambda: "2" * 64)
    with pytest.raises(ConfigError, match="with changes 111111111111; this is"):
        run(tmp_path, profile, resume=True, commit=code)


@pytest.mark.usefixtures("in_process")
def test_a_run_that_was_stopped_before_its_first_record_starts_again(tmp_path, monkeypatch):
    def stop(context, cases, bar):
        raise KeyboardInterrupt

    profile = replace(PROFILE, resolutions=("48x32",))
    (cost,) = (each for each in MEASUREMENTS if each.name == "cost")
    with monkeypatch.context() as patch:
        patch.setattr("bench.run.runner.MEASUREMENTS", [replace(cost, run=stop)])
        (tmp_path / "run" / "histories").mkdir(parents=True)  # of a subject of the run
        (tmp_path / "run" / "records.jsonl").touch()
        with pytest.raises(KeyboardInterrupt):
            run(tmp_path, profile)
    assert run(tmp_path, profile)
    assert not list((tmp_path / "run").glob("records.*.jsonl"))


@pytest.mark.usefixtures("in_process")
def test_scores_over_other_pairs_are_not_added(tmp_path, pairs):
    profile = replace(PROFILE, resolutions=("48x32",), subjects=("untrained", "plain"))
    first = run(tmp_path, profile, pairs=pairs, only=("quality",))
    with pytest.raises(ConfigError, match="evaluated image pair 01, --pairs does not have it"):
        run(tmp_path, profile, pairs=pairs[1:], only=("quality",), resume=True)
    assert read_records(tmp_path / "run") == first


@pytest.mark.usefixtures("in_process")
def test_only_students_have_a_curve(tmp_path, pairs):
    profile = replace(
        PROFILE,
        subjects=("plain", "student"),
        resolutions=("48x32",),
        curve_strengths=(0, 1),
        curve_regularizers=(0.1, 1, 10),
    )
    records = run(tmp_path, profile, pairs=pairs, only=("curve",), examples=True)
    assert {(r.kind, r.case.subject, r.case.transform) for r in records} == {
        ("curve", "student", "zca")
    }
    places = [(r.case.pair, r.case.strength, r.case.regularizer, r.status) for r in records]
    assert places == [
        ("01", 0.0, None, "ok"),
        ("01", 1.0, None, "ok"),
        ("01", None, 0.1, "ok"),
        ("01", None, 10.0, "error"),
        ("02", 0.0, None, "error"),
        ("02", 1.0, None, "error"),
        ("02", None, 0.1, "error"),
        ("02", None, 10.0, "error"),
    ]
    assert [record.ssim for record in records[:3]] == [0.0, 0.25, 0.25]
    assert records[3].reason == "too much λ"
    assert records[0].obtained == dict.fromkeys(("gram", "ssim", "lpips"), "measured")
    assert all(record.own_regularizers == [2.0] * 4 for record in records)
    assert not (tmp_path / "run" / "examples").exists()
    assert not (tmp_path / "run" / "histories").exists()
    with pytest.raises(ConfigError, match="evaluated image pair 01, --pairs does not have it"):
        run(tmp_path, profile, pairs=pairs[1:], only=("curve",), resume=True)
    again = run(tmp_path, profile, pairs=pairs, only=("curve",), resume=True)
    assert again[: len(records)] == records
    assert len(again) == len(records) + 5  # errors are tried again


def test_subjects_of_one_name_are_refused():
    with pytest.raises(ConfigError, match="two subjects are called 'plain'"):
        refuse_same_names([make_info(), make_info()])


@pytest.mark.parametrize("only", ["ratio", "breakdown,capacity", "curve"])
def test_a_run_without_cases_keeps_the_records(tmp_path, monkeypatch, only):
    description = make_description(make_info())
    monkeypatch.setattr("bench.run.runner.describe_run", lambda *_, **__: description)
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "records.jsonl").write_text("kept\n")
    with pytest.raises(ConfigError, match=f"no case of {only.split(',')[0]}.* for plain"):
        run(tmp_path, PROFILE, only=choose_measurements(only))
    assert [path.name for path in (tmp_path / "run").iterdir()] == ["records.jsonl"]
    assert (tmp_path / "run" / "records.jsonl").read_text() == "kept\n"


@pytest.mark.usefixtures("in_process")
def test_bad_input_ends_the_run_before_it_begins(tmp_path, pairs):
    bad = replace(pairs[0], content=tmp_path / "none.png")
    (tmp_path / "old" / "run").mkdir(parents=True)
    for name in ("new", "old"):
        with pytest.raises(PcakdError, match=r"none\.png"):
            run(tmp_path / name, PROFILE, pairs=[bad])
    assert not (tmp_path / "new" / "run").exists()
    assert (tmp_path / "old" / "run").is_dir()  # it was there before
    (tmp_path / "file").touch()
    with pytest.raises(OutputError, match="cannot write into"):
        run(tmp_path / "file", replace(PROFILE, resolutions=("48x32",)))


def test_default_folders():
    gpu = Machine(device="cuda", device_name="NVIDIA H200", threads=1)
    assert default_folder("full", MACHINE) == Path("reports/cpu")
    assert default_folder("quick", MACHINE) == Path("reports/quick-cpu")
    assert default_folder("full", gpu) == Path("reports/nvidia-h200")
