"""``bench microbench`` on a small repository: verdicts, files, failures and bad input."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from toy_package import commit_all, write_toy

from bench.cli import main

BENCHMARKS = """
import time

import pytest

from toy.faults import FAULTS


def test_wait(benchmark):
    benchmark.pedantic(time.sleep, args=(0.03 if "slow" in FAULTS else 0.002,), rounds=5)


def test_same(benchmark):
    benchmark.pedantic(time.sleep, args=(0.002,), rounds=5)


def test_kept(benchmark):
    if "lost" in FAULTS:
        pytest.skip("is gone")
    benchmark(int)


def test_whole(benchmark):
    if "hang" in FAULTS:
        time.sleep(60)
    assert "broken" not in FAULTS, "the gears are stuck"
    benchmark(int)
"""


@pytest.fixture
def repository(tmp_path, monkeypatch):
    """Return a repository of the toy package with benchmarks and one commit."""
    folder = write_toy(tmp_path / "repository")
    (folder / "bench_toy.py").write_text(BENCHMARKS, encoding="utf-8")
    commit_all(folder)
    monkeypatch.chdir(folder)
    return folder


def compare(*arguments):
    options = ("--launches", "4", "--margin", "0.5", "--json", "found.json")
    status = main(["microbench", "--against", "main", *options, *arguments, "bench_toy.py"])
    cases = json.loads(Path("found.json").read_text(encoding="utf-8"))["cases"]
    return status, {each["case"]["subject"].rpartition("::")[2]: each for each in cases}


@pytest.mark.slow
def test_a_slower_part_is_worse_and_a_skipped_one_missing(repository, capsys):
    write_toy(repository, slow="", lost="")
    status, cases = compare("-k", "not whole")
    verdicts = {name: case["verdict"] for name, case in cases.items()}
    assert verdicts["test_wait"] == "worse"
    assert verdicts["test_same"] != "worse"
    assert verdicts["test_kept"] == "missing"
    assert cases["test_kept"]["reason"] == "head skips it"
    assert status == 1
    assert capsys.readouterr().out.startswith("gate REGRESSION: ")
    files = sorted(Path(".benchmarks/against").glob("*.json"))
    assert [path.name for path in files[:2]] == ["0001_base.json", "0001_head.json"]
    command = [sys.executable, "-m", "pytest_benchmark", "compare", *map(str, files[:2])]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert "test_wait (0001_base)" in done.stdout
    assert "test_wait (0001_head)" in done.stdout


@pytest.mark.slow
def test_a_side_that_does_not_install_is_a_verdict(repository):
    (repository / "pyproject.toml").write_text("[build-system]\nrequires = 3\n", encoding="utf-8")
    status, cases = compare()
    assert (status, cases["bench_toy.py"]["verdict"]) == (1, "failed")
    assert "head cannot be installed: " in cases["bench_toy.py"]["reason"]
    commit_all(repository)
    write_toy(repository)
    status, cases = compare()
    assert (status, cases["bench_toy.py"]["verdict"]) == (4, "not comparable")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--against", "main", "bench_tyo.py"], "bench_tyo.py is not a file"),
        (["--against", "mian", "bench_toy.py"], "--against 'mian' is no revision of"),
        (["--against", "main", "--launches", "3", "bench_toy.py"], "--launches must be 4 or more"),
        (["--against", "main", "--budget", "0", "bench_toy.py"], "--budget must be above 0"),
    ],
)
def test_bad_input_is_one_line_and_status_2(repository, arguments, message, capsys):
    assert main(["microbench", *arguments]) == 2
    error = capsys.readouterr().err
    assert message in error
    assert len(error.strip().splitlines()) == 1
