"""Several trainings at once, each in a process of its own."""

import os
import subprocess
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from tqdm import tqdm

from bench.sweeps.failures import ATTEMPTS, BAD_INPUT, last_line, raise_failures

_POLL_SECONDS = 0.2
_GRACE_SECONDS = 10.0


@dataclass(slots=True)
class _Running:
    name: str
    process: "subprocess.Popen[bytes]"
    attempt: int


def run_processes(
    commands: Mapping[str, Sequence[str]], *, jobs: int, threads: int, logs: Path
) -> None:
    """Run one command for each training, several at once, until all have ended.

    A process that is lost is started again; a training continues from its checkpoint. What each
    prints goes into ``NAME.log``. However this function ends, no process is left.

    Args:
        commands: Command lines by the name of the training, in the order to start them.
        jobs: Most processes at once.
        threads: Threads of PyTorch of all processes together.
        logs: An existing folder.

    Raises:
        ConfigError: A training reported bad input, or was lost as often as it may be. The others
            have ended by then.
    """
    waiting = [(name, 1) for name in commands]
    running: list[_Running] = []
    failures: list[str] = []
    environment = {**os.environ, "OMP_NUM_THREADS": str(max(1, threads // jobs))}
    try:
        with tqdm(total=len(commands), desc="trainings", unit="training") as bar:
            while waiting or running:
                while waiting and len(running) < jobs:
                    name, attempt = waiting.pop(0)
                    process = _start(commands[name], logs / f"{name}.log", environment)
                    running.append(_Running(name, process, attempt))
                bar.set_postfix_str(", ".join(each.name for each in running))
                for ended in [each for each in running if each.process.poll() is not None]:
                    running.remove(ended)
                    status = ended.process.returncode
                    if status in (0, BAD_INPUT):
                        bar.update()
                    if status == BAD_INPUT:
                        failures.append(f"{ended.name}: {last_line(logs / f'{ended.name}.log')}")
                    elif status != 0 and ended.attempt < ATTEMPTS:
                        waiting.insert(0, (ended.name, ended.attempt + 1))
                    elif status != 0:
                        bar.update()
                        lost = f"{ended.name} was lost {ATTEMPTS} times (status {status})"
                        failures.append(f"{lost}: {last_line(logs / f'{ended.name}.log')}")
                time.sleep(_POLL_SECONDS)
    finally:
        _stop(running)
    raise_failures(failures, logs)


def _start(
    command: Sequence[str], log: Path, environment: Mapping[str, str]
) -> "subprocess.Popen[bytes]":
    with log.open("ab") as stream:
        return subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=stream, stderr=stream, env=dict(environment)
        )


def _stop(running: Sequence[_Running]) -> None:
    """End processes: politely, so that they clean up, then surely."""
    for each in running:
        with suppress(OSError):
            each.process.terminate()
    for each in running:
        try:
            each.process.wait(_GRACE_SECONDS)
        except subprocess.TimeoutExpired:
            each.process.kill()
            each.process.wait()
