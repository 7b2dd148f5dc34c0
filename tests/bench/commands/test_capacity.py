"""``bench capacity``: options that cannot be used end in one line before anything is measured."""

import json
from pathlib import Path

import pytest

from bench.cli import main

CONFIG = str(Path(__file__).parents[3] / "benchmarks.toml")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--memory", "lots"], "memory 'lots' is not an amount"),
        (["--memory", "1GiB", "--max-resolution", "100x100"], "begins with 256x144"),
        (["--memory", "1GiB", "--max-resolution", "9K"], "resolution '9K' is not known"),
        (["--memory", "1GiB", "--profile", "quikc"], "did you mean 'quick'"),
        (["--memory", "1GiB", "--json", "/no/such/folder/a.json"], "does not exist"),
    ],
)
def test_bad_options(options, message, capsys):
    assert main(["capacity", "mkl", "--config", CONFIG, *options]) == 2
    error = capsys.readouterr().err
    assert message in error
    assert error.count("\n") == 1


def test_subjects_are_given_once(capsys):
    assert main(["capacity", "mkl,content", "mkl", "--memory", "1GiB", "--config", CONFIG]) == 2
    assert "'mkl,content,mkl' names something twice" in capsys.readouterr().err


@pytest.mark.slow
def test_a_search_from_the_command_line(tmp_path, capsys):
    arguments = ["capacity", "content", "--memory", "64MiB", "--max-resolution", "320x180"]
    options = ["--device", "cpu", "--config", CONFIG, "--json", "-", "--out", str(tmp_path / "a")]
    assert main([*arguments, *options]) == 0
    printed = capsys.readouterr()
    (row,) = json.loads(printed.out)
    assert (row["largest_width"], row["largest_height"], row["status"]) == (320, 180, "ok")
    assert row["limited_by"] == "size asked for"
    assert "≥ 320×180" in printed.err
    assert (tmp_path / "a" / "records.jsonl").read_text().count("\n") == 1
