"""The temporary folder of a gate is removed, also after a kill."""

import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from bench.gate.scratch import process_environment, scratch_folder

ROOT = Path(__file__).parents[3]
HOLD = """
import subprocess, sys, time
from bench.gate.scratch import process_environment, scratch_folder
import os
with scratch_folder() as folder:
    (folder / "file").write_text("x")
    child = subprocess.Popen(
        [sys.executable, "-c", "import time; time.sleep(600)"],
        env={**os.environ, **process_environment(folder)},
    )
    print(folder, child.pid, flush=True)
    time.sleep(600)
"""


def test_it_is_removed_with_its_processes(tmp_path):
    with scratch_folder() as folder:
        (folder / "file").write_text("x", encoding="utf-8")
        assert Path(process_environment(folder)["TMPDIR"]).parent == folder
        assert Path(process_environment(folder)["TMPDIR"]).is_dir()
        command = [sys.executable, "-c", "import time; time.sleep(600)"]
        child = subprocess.Popen(command, env=process_environment(folder))
    assert not folder.exists()
    assert not psutil.pid_exists(child.pid)
    child.wait(timeout=20)


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX signals")
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT, signal.SIGTERM])
def test_a_killed_process_leaves_nothing(number):
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD], stdout=subprocess.PIPE, text=True, cwd=ROOT,
        stderr=subprocess.DEVNULL,
    )  # fmt: skip
    with process:
        folder, child = process.stdout.readline().split()
        process.send_signal(number)
        process.wait(timeout=30)
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline and (Path(folder).exists() or psutil.pid_exists(int(child))):
        time.sleep(0.05)
    assert not Path(folder).exists()
    assert not psutil.pid_exists(int(child))
