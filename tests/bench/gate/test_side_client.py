"""The process of a side: answers, failures, budgets."""

import os
import sys
import time
from pathlib import Path

import numpy as np
import psutil
import pytest

from bench.gate.side_client import Side, SideError, SideProcess

ROOT = Path(__file__).parents[3]
ROOMY = {"seconds": 60.0, "memory_bytes": 2**40}


def side(tmp_path, **changes):
    values = {
        "name": "head",
        "title": "here",
        "python": Path(sys.executable),
        "folder": tmp_path,
        "environment": {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"},
    }
    return Side(**{**values, **changes})


def test_an_import_is_timed_in_a_process_that_has_not_imported_it(tmp_path):
    with SideProcess(side(tmp_path), **ROOMY) as process:
        first = process.ask("import", package="decimal")["import_ns"]
        again = process.ask("import", package="decimal")["import_ns"]
    assert first > again > 0


def test_failures_are_one_line_with_the_side_and_the_cause(tmp_path):
    with SideProcess(side(tmp_path), **ROOMY) as process:
        with pytest.raises(
            SideError, match="ModuleNotFoundError: No module named 'absent'"
        ) as caught:
            process.ask("import", package="absent")
        assert (caught.value.side, caught.value.missing) == ("head", False)
        assert process.ask("import", package="json")["import_ns"] > 0  # it goes on


def test_what_a_side_does_not_have_is_missing(tmp_path):
    with SideProcess(side(tmp_path), **ROOMY) as process:
        for name in ("vgg61", "gone.safetensors", "python:absent:create"):
            with pytest.raises(SideError) as caught:
                process.ask("identify", subject=name)
            assert caught.value.missing, name


def test_a_process_that_takes_too_long_is_ended(tmp_path):
    (tmp_path / "sleepy.py").write_text("import time; time.sleep(60)", encoding="utf-8")
    environment = {"PYTHONPATH": str(tmp_path)}
    start = time.monotonic()
    with (
        SideProcess(
            side(tmp_path, environment=environment), seconds=1.0, memory_bytes=2**40
        ) as own,
        pytest.raises(SideError, match="took more than its budget of 1 s"),
    ):
        own.ask("import", package="sleepy")
    assert time.monotonic() - start < 30


def test_a_process_that_takes_too_much_memory_is_ended(tmp_path):
    text = "import time; block = bytearray(b'1') * 2**29; time.sleep(60)"
    (tmp_path / "greedy.py").write_text(text, encoding="utf-8")
    environment = {"PYTHONPATH": str(tmp_path)}
    with (
        SideProcess(side(tmp_path, environment=environment), seconds=60, memory_bytes=2**28) as own,
        pytest.raises(SideError, match=r"took more than its budget of 0\.2 GiB"),
    ):
        own.ask("import", package="greedy")


def test_a_process_that_dies_is_a_failure_with_its_last_line(tmp_path):
    text = "import os, sys; sys.stderr.write('the end\\n'); sys.stderr.flush(); os._exit(3)"
    (tmp_path / "deadly.py").write_text(text, encoding="utf-8")
    environment = {"PYTHONPATH": str(tmp_path)}
    with SideProcess(side(tmp_path, environment=environment), **ROOMY) as process:
        with pytest.raises(SideError, match="ended with status 3: the end"):
            process.ask("import", package="deadly")
        with pytest.raises(SideError, match="ended with status 3"):
            process.ask("import", package="json")


def test_no_interpreter_is_a_failure(tmp_path):
    with pytest.raises(SideError, match="cannot start"):
        SideProcess(side(tmp_path, python=tmp_path / "absent"), **ROOMY)


def test_the_process_ends_with_its_context(tmp_path):
    before = {each.pid for each in psutil.Process().children()}
    with SideProcess(side(tmp_path), **ROOMY) as process:
        process.ask("import", package="json")
        (own,) = {each.pid for each in psutil.Process().children()} - before
    assert not psutil.pid_exists(own)


def test_modules_beside_the_process_file_hide_none(tmp_path):
    with (
        SideProcess(side(tmp_path), **ROOMY) as process,
        pytest.raises(SideError, match="No module named 'verdicts'"),
    ):
        process.ask("import", package="verdicts")


PROBE = """
import torch

def create():
    def call(content, style):
        with open("threads.txt", "a") as stream:
            print(torch.get_num_threads(), file=stream)
        return content
    return call
"""


def test_each_case_has_its_own_number_of_threads(tmp_path):
    (tmp_path / "probe.py").write_text(PROBE, encoding="utf-8")
    np.save(tmp_path / "image.npy", np.zeros((3, 32, 32), np.float32))
    images = {"content": str(tmp_path / "image.npy"), "style": str(tmp_path / "image.npy")}
    given = {"subject": "python:probe:create", "device": "cpu", "width": 32, "height": 32, **images}
    path = os.pathsep.join((str(tmp_path), str(ROOT)))
    own = side(tmp_path, environment={"PYTHONPATH": path, "OMP_NUM_THREADS": "1"})
    with SideProcess(own, **ROOMY) as process:
        process.ask("start", threads=2, device="cpu")
        for threads in (2, None, 2):
            process.ask("open", case="a", threads=threads, **given)
            process.ask("time", case="a", device="cpu", calls=1)
    assert (tmp_path / "threads.txt").read_text(encoding="utf-8").split() == ["2", "1", "2"]
