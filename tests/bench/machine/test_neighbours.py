"""Programs that compete for the processor."""

import subprocess
import sys
import time

import psutil
import pytest

from bench.machine import neighbours
from bench.machine.neighbours import busy_neighbours, torch_neighbour


def children():
    return psutil.Process().children()


def test_neighbours_compute_as_long_as_the_context_lasts():
    before = len(children())
    with busy_neighbours(2):
        started = children()[before:]
        assert len(started) == 2
        deadline = time.monotonic() + 30
        while min(sum(each.cpu_times()[:2]) for each in started) < 0.1:
            assert time.monotonic() < deadline
            time.sleep(0.02)
    assert not any(each.is_running() for each in started)


def test_a_pytorch_program_computes_on_several_threads():
    before = len(children())
    with torch_neighbour(2):
        (started,) = children()[before:]
        assert started.num_threads() >= 2  # it computes already
        spent = sum(started.cpu_times()[:2])
        deadline = time.monotonic() + 60
        while sum(started.cpu_times()[:2]) < spent + 0.5:
            assert time.monotonic() < deadline
            time.sleep(0.05)
    assert not started.is_running()


def test_an_error_ends_them_and_a_quiet_machine_has_none():
    before = children()
    started = []

    def fail():
        started.extend(each for each in children() if each not in before)
        raise RuntimeError("stuck")

    with pytest.raises(RuntimeError, match="stuck"), busy_neighbours(1):
        fail()
    assert len(started) == 1
    assert not started[0].is_running()
    with busy_neighbours(0):
        assert children() == before


def test_a_program_that_ends_at_once_is_an_error(monkeypatch):
    monkeypatch.setattr(neighbours, "_LOOP", "pass")
    with pytest.raises(RuntimeError, match="ended"), busy_neighbours(1):
        pass


@pytest.mark.skipif(sys.platform == "win32", reason="no orphans are adopted there")
def test_they_end_with_a_parent_that_is_killed(importable_code):
    code = (
        "import os, signal, sys\n"
        "import psutil\n"
        "from bench.machine.neighbours import busy_neighbours\n"
        "with busy_neighbours(1):\n"
        "    print(psutil.Process().children()[0].pid, flush=True)\n"
        "    os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], stdout=subprocess.PIPE, check=False)
    number = int(done.stdout)
    deadline = time.monotonic() + 30
    while psutil.pid_exists(number) and psutil.Process(number).status() != psutil.STATUS_ZOMBIE:
        assert time.monotonic() < deadline
        time.sleep(0.05)
