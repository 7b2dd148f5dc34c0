"""Trainings in processes: at most so many, lost ones again, and none left behind."""

import os
import signal
import sys
import threading
import time
from pathlib import Path

import psutil
import pytest

from bench.sweeps.failures import ATTEMPTS
from bench.sweeps.processes import run_processes
from pcakd.errors import ConfigError

_NOTE = "import sys, time, pathlib; folder = pathlib.Path(sys.argv[1]); name = sys.argv[2]\n"


def _command(code: str, folder: Path, name: str) -> list[str]:
    return [sys.executable, "-c", _NOTE + code, str(folder), name]


def test_at_most_so_many_run_at_once(tmp_path: Path) -> None:
    code = """
(folder / f"{name}.on").touch()
time.sleep(0.3)
(folder / f"{name}.most").write_text(str(len(list(folder.glob("*.on")))))
(folder / f"{name}.on").unlink()
print("done", name)
"""
    names = [f"t{number}" for number in range(5)]
    commands = {name: _command(code, tmp_path, name) for name in names}
    run_processes(commands, jobs=2, threads=4, logs=tmp_path)
    most = [int((tmp_path / f"{name}.most").read_text()) for name in names]
    assert max(most) <= 2
    assert (tmp_path / "t3.log").read_text().split() == ["done", "t3"]


def test_threads_are_shared(tmp_path: Path) -> None:
    code = "import os; print(os.environ['OMP_NUM_THREADS'])"
    run_processes({"a": _command(code, tmp_path, "a")}, jobs=3, threads=8, logs=tmp_path)
    assert (tmp_path / "a.log").read_text().strip() == "2"


def test_a_lost_process_is_started_again(tmp_path: Path) -> None:
    code = """
import os
started = folder / f"{name}.started"
started.write_text(started.read_text() + "x" if started.exists() else "x")
if name == "lost" and len(started.read_text()) < 3:
    os.kill(os.getpid(), 9)
"""
    commands = {name: _command(code, tmp_path, name) for name in ("lost", "other")}
    run_processes(commands, jobs=2, threads=2, logs=tmp_path)
    assert (tmp_path / "lost.started").read_text() == "xxx"
    assert (tmp_path / "other.started").read_text() == "x"


def test_one_that_is_always_lost_fails_after_the_others(tmp_path: Path) -> None:
    code = """
import os
with (folder / f"{name}.started").open("a") as stream:
    stream.write("x")
print("at work")
if name == "lost":
    sys.stdout.flush()
    os._exit(9)
"""
    commands = {name: _command(code, tmp_path, name) for name in ("lost", "a", "b")}
    with pytest.raises(ConfigError, match=r"lost was lost 3 times \(status 9\): at work; logs"):
        run_processes(commands, jobs=1, threads=2, logs=tmp_path)
    assert (tmp_path / "lost.started").read_text() == "x" * ATTEMPTS
    assert (tmp_path / "b.started").read_text() == "x"


def test_bad_input_is_reported_once_and_not_tried_again(tmp_path: Path) -> None:
    code = """
with (folder / f"{name}.started").open("a") as stream:
    stream.write("x")
print("bench: error: no photographs", file=sys.stderr)
sys.exit(2)
"""
    commands = {name: _command(code, tmp_path, name) for name in ("a", "b")}
    with pytest.raises(ConfigError, match=r"a: bench: error: no photographs \(1 more failed\)"):
        run_processes(commands, jobs=2, threads=2, logs=tmp_path)
    assert (tmp_path / "a.started").read_text() == "x"


@pytest.mark.skipif(os.name != "posix", reason="signals")
def test_an_interruption_leaves_no_process(tmp_path: Path) -> None:
    code = "(folder / f'{name}.on').touch(); time.sleep(600)"
    commands = {name: _command(code, tmp_path, name) for name in ("a", "b")}

    def interrupt() -> None:
        deadline = time.monotonic() + 60
        while len(list(tmp_path.glob("*.on"))) < 2 and time.monotonic() < deadline:
            time.sleep(0.05)
        os.kill(os.getpid(), signal.SIGINT)

    thread = threading.Thread(target=interrupt)
    thread.start()
    before = {each.pid for each in psutil.Process().children()}
    with pytest.raises(KeyboardInterrupt):
        run_processes(commands, jobs=2, threads=2, logs=tmp_path)
    thread.join()
    assert {each.pid for each in psutil.Process().children()} <= before
