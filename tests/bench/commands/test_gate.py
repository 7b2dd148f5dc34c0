"""``bench gate`` on small repositories: real builds, bad input, kills, records."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import sysconfig
import time
from contextlib import suppress
from pathlib import Path
from xml.etree import ElementTree

import psutil
import pytest
from toy_package import commit_all, write_toy

from bench.cli import main
from pcakd.utils.cpu import cpu_name

ROOT = Path(__file__).parents[3]
PLAIN = "python:toy.models:create_plain"
CONFIG = f"""
[gate]
subjects = ["{PLAIN}"]
resolutions = ["160x96"]
kinds = ["counts", "quality", "size", "latency"]
metrics = ["ssim"]
quality_max_side = 200
package = "toy"
distribution = "toy"
blocks = 1
max_launches = 4
[gate.margins]
latency = 0.5
"""


@pytest.fixture
def repository(tmp_path, monkeypatch):
    """Return a repository of the toy package with one commit."""
    folder = write_toy(tmp_path / "repository")
    (folder / "benchmarks.toml").write_text(CONFIG, encoding="utf-8")
    commit_all(folder)
    monkeypatch.chdir(folder)
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(temporary))
    monkeypatch.setenv("TMPDIR", str(temporary))
    return folder


def make_environment(folder, *paths):
    """Return the interpreter of an environment that sees folders and the packages of this one."""
    command = [sys.executable, "-m", "venv", "--without-pip", str(folder)]
    subprocess.run(command, check=True)
    python = folder / ("Scripts/python.exe" if sys.platform == "win32" else "bin/python")
    question = "import sysconfig; print(sysconfig.get_paths()['purelib'])"
    found = subprocess.run([python, "-c", question], check=True, capture_output=True, text=True)
    lines = [*map(str, paths), sysconfig.get_paths()["purelib"]]
    Path(found.stdout.strip(), "others.pth").write_text("\n".join(lines), encoding="utf-8")
    return python


LOOSE = """
from toy.faults import FAULTS

def create():
    return lambda content, style: content * (0.5 if FAULTS else 1.0)
"""


@pytest.mark.slow
def test_a_loose_module_and_an_ignored_student_are_found_from_a_subfolder(
    repository, capsys, monkeypatch
):
    (repository / "loose.py").write_text(LOOSE, encoding="utf-8")
    (repository / ".gitignore").write_text("runs/\ngate.json\n", encoding="utf-8")
    config = CONFIG.replace(f'"{PLAIN}"', '"python:loose:create", "runs/mine.safetensors"')
    (repository / "benchmarks.toml").write_text(config, encoding="utf-8")
    commit_all(repository)
    write_toy(repository, loose="changed")
    (repository / "runs").mkdir()
    student = ROOT / "pcakd" / "zoo" / "mobilenet_v1.safetensors"
    shutil.copy(student, repository / "runs" / "mine.safetensors")
    monkeypatch.chdir(repository / "toy")
    status = main(["gate", "--against", "HEAD", "--only", "quality", "--json", "../gate.json"])
    document = json.loads((repository / "gate.json").read_text(encoding="utf-8"))
    cases = {each["case"]["subject"]: each for each in document["cases"]}
    assert status in (1, 3), capsys.readouterr()
    assert "outputs differ" in cases["python:loose:create"]["reason"]
    student = cases["runs/mine.safetensors"]
    assert (student["verdict"], student["reason"][:12]) == ("not comparable", "base has no ")


@pytest.mark.slow
def test_a_change_of_the_working_tree_is_found_against_a_revision(repository, tmp_path, capsys):
    write_toy(repository, plain="extra convolutions", package="large")
    files = {name: tmp_path / f"gate.{name}" for name in ("md", "xml", "json")}
    status = main([
        "gate", "--against", "main", "--markdown", str(files["md"]), "--junit", str(files["xml"]),
        "--json", str(files["json"]),
    ])  # fmt: skip
    output = capsys.readouterr()
    assert status == 1, output
    assert output.out.startswith("gate REGRESSION: ")
    assert "importing toy.models for subject" in output.err
    document = json.loads(files["json"].read_text(encoding="utf-8"))
    assert re.fullmatch(r"working tree at [0-9a-f]{40}-dirty", document["head"])
    assert document["environment"]["cpu"] == cpu_name()
    verdicts = {each["name"]: each["verdict"] for each in document["cases"]}
    assert verdicts[f"counts parameters {PLAIN}"] == "worse"
    assert verdicts["size toy"] == "worse"
    assert verdicts[f"latency {PLAIN} 160x96"] in ("worse", "inconclusive")
    assert files["md"].read_text(encoding="utf-8").startswith("**gate REGRESSION")
    assert ElementTree.parse(files["xml"]).getroot().find("testsuite/testcase/failure") is not None  # noqa: S314
    assert not list((tmp_path / "temporary").glob("pcakd-gate-*"))
    assert not (repository / ".git" / "worktrees").exists()


@pytest.mark.slow
def test_a_base_that_does_not_install_leaves_nothing_measured(repository, capsys):
    (repository / "pyproject.toml").write_text("[build-system]\nrequires = 3\n", encoding="utf-8")
    commit_all(repository)
    write_toy(repository)
    assert main(["gate", "--against", "HEAD", "--only", "counts"]) == 4
    output = capsys.readouterr().out
    assert output.startswith("gate NOTHING MEASURED: ")
    assert "base cannot be installed: " in output
    assert "not comparable" in output


@pytest.mark.slow
def test_a_folder_and_an_interpreter_can_be_base(repository, tmp_path, capsys, monkeypatch):
    other = write_toy(tmp_path / "other", plain="wrong constant")
    assert main(["gate", "--against", str(other), "--only", "counts"]) == 0
    assert capsys.readouterr().out.startswith("gate passed: 2 same or better")
    python = make_environment(tmp_path / "environment", other, ROOT)
    monkeypatch.setenv("PYTHONPATH", str(repository))  # base does not take head for its own code
    (repository / "inner").mkdir()
    monkeypatch.chdir(repository / "inner")
    relative = os.path.relpath(python)
    status = main(["gate", "--against-python", relative, "--only", "quality"])
    output = capsys.readouterr().out
    assert status in (1, 3), output
    assert "outputs differ" in output


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "name base: --against REVISION|DIR"),
        (["--against", "main", "--self-test"], "name base: --against REVISION|DIR"),
        (["--against", "mian"], "--against 'mian' is no revision of"),
        (["--against", "main", "--only", "latencey"], "did you mean 'latency'?"),
        (["--against", "main", "--budget", "0"], "--budget must be above 0 s"),
        (["--against", "main", "--budget", "nan"], "--budget must be above 0 s"),
        (["--against-python", "no/such/python"], "no/such/python is no program"),
        (["--against", "main", "--markdown", "toy/models.py"], "does not end in .md"),
        (["--against", ""], "is empty; is a variable"),
        (["--self-test", "--gates", "0"], "--gates and --planted must be 1 or more"),
    ],
)
def test_bad_input_is_one_line_and_status_2(repository, arguments, message, capsys):
    try:
        status = main(["gate", *arguments])
    except SystemExit as end:  # of the parser
        status = end.code
    assert status == 2
    error = capsys.readouterr().err
    assert message in error
    assert len(error.strip().splitlines()) == 1


def test_outside_a_repository_there_is_no_head(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main(["gate", "--against", "main"]) == 2
    assert "is in no git repository" in capsys.readouterr().err


def processes_of(folder):
    """Return the command lines of the processes that were started from or for a folder."""
    found = []
    for process in psutil.process_iter():
        with suppress(psutil.Error):
            command = " ".join(process.cmdline())
            if str(folder) in command and process.status() != psutil.STATUS_ZOMBIE:
                found.append(command)
    return found


def wait_until(condition, seconds=60):
    deadline = time.monotonic() + seconds
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.1)
    assert condition()


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="POSIX signals")
@pytest.mark.parametrize("moment", ["pip install", "side_process.py"])
def test_a_kill_leaves_no_folder_and_no_process(repository, tmp_path, moment):
    temporary = tmp_path / "temporary"
    process = subprocess.Popen(
        [sys.executable, "-m", "bench", "gate", "--against", "main"],
        cwd=repository,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    wait_until(lambda: any(moment in command for command in processes_of(temporary)))
    process.send_signal(signal.SIGKILL)
    process.wait()
    wait_until(lambda: not list(temporary.iterdir()))
    wait_until(lambda: not processes_of(temporary))
    command = ["git", "-C", str(repository), "fsck"]
    subprocess.run(command, check=True, capture_output=True)
    assert not (repository / ".git" / "worktrees").exists()


@pytest.mark.slow
def test_committed_records_are_compared_in_counts(capsys, monkeypatch):
    monkeypatch.chdir(ROOT)
    arguments = ["gate", "--against", "reports/cpu", "--only", "counts,mobilenet_v1"]
    assert main(arguments) == 0
    output = capsys.readouterr().out
    assert output.startswith("gate passed: 2 same or better")
    assert "52,742" in output
    assert main(["gate", "--against", "reports/cpu", "--only", "latency"]) == 2
    assert "records compare counts, quality, speedup alone" in capsys.readouterr().err


@pytest.mark.slow
def test_a_self_test_counts_false_alarms_and_found_slow_downs(repository, capsys, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", f"{repository}{os.pathsep}{ROOT}")
    out = repository / "gates"
    arguments = ["gate", "--self-test", "--gates", "1", "--planted", "1", "--out", str(out)]
    status = main(arguments)
    output = capsys.readouterr().out
    assert status in (0, 1)
    assert [line.split()[0] for line in output.splitlines()[2:6]] == ["none", "5%", "10%", "30%"]
    assert "smallest slow-down that the budget finds" in output
    lines = (out / "gates.jsonl").read_text(encoding="utf-8").splitlines()
    gates = [json.loads(line) for line in lines]
    assert [each["slow_down"] for each in gates] == [0.0, 0.05, 0.1, 0.3]
    assert all(case["base_samples"] for each in gates for case in each["cases"])
    main(arguments)  # has them all
    assert (out / "gates.jsonl").read_text(encoding="utf-8").splitlines() == lines
