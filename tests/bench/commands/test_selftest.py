"""``bench selftest``: the sentence, the records, the exit status, bad options."""

from pathlib import Path

import pytest

from bench.cli import main
from bench.records.store import read_records

CONFIG = str(Path(__file__).parents[3] / "benchmarks.toml")
OPTIONS = ("plain", "--resolution", "48x32", "--device", "cpu", "--config", CONFIG)


@pytest.mark.usefixtures("in_process")
def test_comparisons_are_measured_recorded_and_resumed(tmp_path, capsys):
    out = tmp_path / "selftest"
    arguments = ["selftest", *OPTIONS, "--out", str(out)]
    status = main([*arguments, "--comparisons", "1"])
    said = capsys.readouterr().out
    assert said.startswith("plain compared with itself 1 times, 3 processes each: ")
    assert status == int(" 1 of 1 " in said)
    records = read_records(out)
    assert [(r.case.subject, r.kind, r.repeat) for r in records] == [
        ("A", "cost", 0), ("B", "cost", 0), ("A", "pair", 0),
        ("B", "cost", 1), ("A", "cost", 1), ("A", "pair", 1),
        ("A", "cost", 2), ("B", "cost", 2), ("A", "pair", 2),
    ]  # fmt: skip
    assert all(record.status == "ok" for record in records)
    main([*arguments, "--comparisons", "2", "--resume"])
    assert "plain compared with itself 2 times" in capsys.readouterr().out
    assert read_records(out)[:9] == records
    assert len(read_records(out)) == 18


@pytest.mark.usefixtures("in_process")
def test_neighbours_are_recorded_and_not_mixed(tmp_path, capsys):
    arguments = ["selftest", *OPTIONS, "--out", str(tmp_path / "out"), "--comparisons", "1"]
    main([*arguments, "--neighbours", "1"])
    assert "beside 1 endless loop: " in capsys.readouterr().out
    records = read_records(tmp_path / "out")
    assert {record.environment["neighbours"] for record in records} == {1}
    assert all("disturbed" in record.machine_state for record in records)
    assert main([*arguments, "--resume"]) == 2
    assert "has records with --neighbours 1; use --neighbours 1" in capsys.readouterr().err


@pytest.mark.usefixtures("in_process")
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["plain", "--neighbours", "-1"], "--neighbours must be 0 or more, got -1"),
        (["plain", "--comparisons", "0"], "--comparisons must be 1 or more, got 0"),
        (["plain", "--resume"], "--resume needs --out DIR"),
        (["plain", "--profile", "quikc"], "did you mean 'quick'"),
        (["broken", "--resolution", "48x32", "--comparisons", "1"], "the gears are stuck"),
    ],
)
def test_bad_input_is_one_line(arguments, message, capsys):
    assert main(["selftest", *arguments, "--device", "cpu", "--config", CONFIG]) == 2
    error = capsys.readouterr().err
    assert message in error.splitlines()[-1]
