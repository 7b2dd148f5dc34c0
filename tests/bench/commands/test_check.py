"""The check command: exit status and table for same, different and missing counts."""

import argparse
import sys

import pytest

from bench.commands import check
from bench.peers import zoo
from bench.records.store import append_record
from bench.subjects import list_subjects, parse_subject
from pcakd.errors import ConfigError, WeightsError


@pytest.fixture
def run(tmp_path, capsys):
    """Return a function that runs the command on a folder and gives status and output."""

    def run_check(*more):
        parser = argparse.ArgumentParser()
        check.add_arguments(parser)
        folders = [str(folder) for folder in (tmp_path, *more)]
        status = check.run(parser.parse_args(["--records", *folders]))
        return status, capsys.readouterr().out

    return run_check


@pytest.fixture
def only_two(monkeypatch):
    """Let the version under test know two quick subjects only."""
    monkeypatch.setattr("bench.subjects.list_subjects", lambda: ("content", "mkl"))


def record_true_counts(folder, make_cost, names, **changes):
    """Record what the subjects really count at 64 × 48."""
    keys = [check.CostKey(subject=name, transform="none", width=64, height=48) for name in names]
    found = check.compute_counts(keys)  # of all known subjects
    for key, counts in ((each, found[each]) for each in keys):
        fields = {name: getattr(counts, name) for name in check.QUANTITIES}
        size = {"resolution": "64x48", "width": 64, "height": 48, "transform": "none"}
        append_record(folder, make_cost(key.subject, **size, **(fields | changes)))


@pytest.mark.usefixtures("only_two")
class TestWithTwoSubjects:
    def test_true_counts_pass(self, run, tmp_path, make_cost):
        record_true_counts(tmp_path, make_cost, ["content", "mkl"])
        status, out = run()
        assert status == 0
        assert out.endswith("2 cases: 2 same, 0 different, 0 missing\n")

    def test_precisions_count_like_float32(self):
        name = "mobilenet_v1-s+int8"
        keys = [
            check.CostKey(subject=each, transform="zca", width=64, height=48)
            for each in (name, "mobilenet_v1-s")
        ]
        found = check.compute_counts(keys)
        assert found[keys[0]] == found[keys[1]]

    def test_one_multiply_add_more_fails(self, run, tmp_path, make_cost):
        record_true_counts(tmp_path, make_cost, ["content", "mkl"], macs_total=1)
        status, out = run()
        assert status == 1
        assert "1 → 0" in out
        assert "DIFFERENT" in out

    def test_a_removed_subject_fails(self, run, tmp_path, make_cost):
        record_true_counts(tmp_path, make_cost, ["content", "mkl"])
        append_record(tmp_path, make_cost("gone", width=64, height=48))
        status, out = run()
        assert status == 1
        assert "1,000 → missing" in out

    def test_an_unrecorded_subject_fails(self, run, tmp_path, make_cost, monkeypatch):
        record_true_counts(tmp_path, make_cost, ["content", "mkl"])
        monkeypatch.setattr("bench.subjects.list_subjects", lambda: ("content", "mkl", "reinhard"))
        status, out = run()
        assert status == 1
        assert "missing → 0" in out

    def test_records_of_several_folders_count_together(self, run, tmp_path, make_cost):
        record_true_counts(tmp_path, make_cost, ["content"])
        other = tmp_path / "other"
        other.mkdir()
        record_true_counts(other, make_cost, ["mkl"])
        assert run()[0] == 1
        status, out = run(other)
        assert status == 0
        assert out.endswith("2 cases: 2 same, 0 different, 0 missing\n")

    def test_folders_that_contradict_each_other_are_refused(self, run, tmp_path, make_cost):
        record_true_counts(tmp_path, make_cost, ["content", "mkl"])
        other = tmp_path / "other"
        other.mkdir()
        record_true_counts(other, make_cost, ["mkl"])
        assert run(other)[0] == 0
        record_true_counts(other, make_cost, ["mkl"], macs_total=7)
        with pytest.raises(ConfigError, match=r"counts of mkl at 64×48 in .*other differ"):
            run(other)

    def test_an_unknown_transform_is_missing(self, run, tmp_path, make_cost):
        record_true_counts(tmp_path, make_cost, ["content", "mkl"])
        append_record(tmp_path, make_cost("mkl", width=64, height=48, transform="zca"))
        assert run()[0] == 1


def test_trained_peers_are_checked_only_if_they_were_recorded(
    run, tmp_path, make_cost, monkeypatch, capsys
):
    def fail(name):
        raise WeightsError(f"no weights of {name}")

    monkeypatch.setattr(zoo, "is_name", lambda text: text == "peer-vgg16")
    monkeypatch.setattr("bench.subjects.list_subjects", lambda: ("content", "peer-vgg16"))
    monkeypatch.setattr("bench.subjects.parse.find_weights", fail)
    record_true_counts(tmp_path, make_cost, ["content"])
    assert run()[0] == 0
    append_record(tmp_path, make_cost("peer-vgg16", width=64, height=48))
    status, out = run()
    assert status == 1
    assert "1,000 → missing" in out


def test_quality_records_alone_are_refused(run, tmp_path, make_quality):
    append_record(tmp_path, make_quality())
    with pytest.raises(ConfigError, match="no cost records"):
        run()


def test_a_missing_folder_is_refused(run):
    with pytest.raises(ConfigError, match=r"does not exist; run this in a checkout .* --records"):
        run()


def test_known_subjects_can_be_made_by_name():
    names = [name for name in list_subjects() if not zoo.is_name(name)]  # those need weights
    assert [parse_subject(name).name for name in names] == names


@pytest.mark.parametrize("name", ["python:made_trap:create", "trap", "trap+bf16"])
def test_names_in_files_import_no_code_of_others(run, tmp_path, make_cost, monkeypatch, name):
    info = tmp_path / "trap-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: trap\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[bench.subjects]\ntrap = made_trap:create\n")
    (tmp_path / "made_trap.py").write_text("raise SystemExit('imported')\n", encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    append_record(tmp_path, make_cost(name, width=64, height=48))
    monkeypatch.setattr("bench.subjects.list_subjects", lambda: ())
    status, out = run()
    assert status == 1
    assert "1,000 → missing" in out
    assert "made_trap" not in sys.modules
