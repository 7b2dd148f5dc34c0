"""A child process with a time and a memory budget; its messages are JSON lines. No torch.

The parent writes one JSON job to the child's standard input. The child writes one JSON object a
line. ``{"type": "failure", "status": …, "reason": …}`` reports a failure and is the last one.
"""

import json
import os
import queue
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import IO, Any, Literal, TypeAlias

import psutil

from pcakd.errors import ConfigError

WORKER = (sys.executable, "-m", "bench.worker")
_POLL_SECONDS = 0.05
_SIGKILL = -9
NO_ANSWER = "the child gave no answer"
"""Reason of a case whose child succeeded without a message."""

Message: TypeAlias = dict[str, Any]
_END = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Budget:
    """Limits of a child process.

    Attributes:
        seconds: Time from its start, or its last message, to its next message or its end.
        memory_bytes: Resident memory, libraries included.
        added_bytes: Resident memory above the ``baseline_bytes`` that the child reports; None sets
            no such limit.
    """

    seconds: float
    memory_bytes: int
    added_bytes: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """How a child ended.

    Attributes:
        status: Its status.
        reason: Why it is not ``ok``.
        by_machine: Whether it exceeded ``memory_bytes`` of its budget or was killed by the system,
            and not ``added_bytes`` or the limit of torch's allocator.
    """

    status: Literal["ok", "oom", "timeout", "error"]
    reason: str | None = None
    by_machine: bool = False


def run_child(
    job: Mapping[str, Any],
    *,
    budget: Budget,
    on_message: Callable[[Message], None],
    command: Sequence[str] = WORKER,
    environment: Mapping[str, str] | None = None,
) -> Outcome:
    """Run a job in a child process and pass on its messages as they arrive.

    The child ends before the call does. On Linux it also ends if this process is killed.
    ``environment`` adds to the environment variables of this process.

    Raises:
        ConfigError: The child reports bad input, or no child can be started.
    """
    with tempfile.TemporaryFile() as errors:
        try:
            process = subprocess.Popen(
                command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                env={**os.environ, **(environment or {})},
            )
        except OSError as error:
            raise ConfigError(f"cannot start {command[0]}: {error.strerror or error}") from error
        with process:
            lines: queue.Queue[bytes | None] = queue.Queue()
            reader = threading.Thread(target=_read_lines, args=(process, lines), daemon=True)
            reader.start()
            try:
                _send(process, job)
                outcome = _follow(process, lines, budget, on_message)
            finally:
                process.kill()
                reader.join()
        return outcome or _judge(process.returncode, errors)


def ask_child(
    job: Mapping[str, Any],
    *,
    budget: Budget,
    command: Sequence[str] = WORKER,
    environment: Mapping[str, str] | None = None,
) -> tuple[list[Message], Outcome]:
    """Run a job and return its messages and how it ended; bad input is an error of the case."""
    answers: list[Message] = []
    try:
        outcome = run_child(
            job,
            budget=budget,
            on_message=answers.append,
            command=command,
            environment=environment,
        )
    except ConfigError as error:
        outcome = Outcome(status="error", reason=str(error))
    return answers, outcome


def record_fields(answers: Sequence[Message], outcome: Outcome) -> dict[str, Any]:
    """Return the record fields of a child with one message, whose keys are record fields."""
    if outcome.status == "ok" and answers:
        values = {key: value for key, value in answers[0].items() if key != "type"}
        return {"status": "ok", "obtained": dict.fromkeys(values, "measured"), **values}
    status = outcome.status if outcome.status != "ok" else "error"
    return {"status": status, "reason": outcome.reason or NO_ANSWER}


def _send(process: subprocess.Popen[bytes], job: Mapping[str, Any]) -> None:
    """Send the job; if the child has ended already, its exit status decides."""
    assert process.stdin is not None  # noqa: S101 (a pipe was asked for)
    try:
        process.stdin.write(json.dumps({**job, "parent_pid": os.getpid()}).encode())
        process.stdin.close()
    except BrokenPipeError:
        pass


def _follow(
    process: subprocess.Popen[bytes],
    lines: "queue.Queue[bytes | None]",
    budget: Budget,
    on_message: Callable[[Message], None],
) -> Outcome | None:
    """Follow a child and return how it ended, or None if its exit status decides."""
    deadline = time.monotonic() + budget.seconds
    baseline: int | None = None
    while True:
        passed = _passed_limit(_resident_bytes(process.pid), baseline, budget)
        if passed:
            return passed
        try:
            line = lines.get(timeout=_POLL_SECONDS)
        except queue.Empty:
            if time.monotonic() > deadline:
                reason = f"took more than its budget of {budget.seconds:g} s"
                return Outcome(status="timeout", reason=reason)
            continue
        if line is _END:
            process.wait()
            return None
        message = json.loads(line)
        if message["type"] == "failure":
            return _failure(message)
        if message["type"] == "baseline":
            baseline = message["baseline_bytes"]
        on_message(message)
        deadline = time.monotonic() + budget.seconds


def _passed_limit(resident: int, baseline: int | None, budget: Budget) -> Outcome | None:
    """Return the outcome if a child exceeds a limit of memory."""
    allowed = budget.added_bytes
    if baseline is not None and allowed is not None and resident - baseline > allowed:
        return Outcome(
            status="oom", reason=f"added more than {allowed / 2**20:,.0f} MiB to its process"
        )
    if resident > budget.memory_bytes:
        limit = budget.memory_bytes / 2**30
        reason = f"took more than its budget of {limit:.1f} GiB"
        return Outcome(status="oom", reason=reason, by_machine=True)
    return None


def _read_lines(process: subprocess.Popen[bytes], lines: "queue.Queue[bytes | None]") -> None:
    """Read the child's lines in a thread, so that waiting for a line can time out."""
    assert process.stdout is not None  # noqa: S101 (a pipe was asked for)
    for line in process.stdout:
        lines.put(line)
    lines.put(_END)


def _resident_bytes(pid: int) -> int:
    try:
        return int(psutil.Process(pid).memory_info().rss)
    except psutil.Error:
        return 0


def _failure(message: Message) -> Outcome:
    if message.get("bad_input"):
        raise ConfigError(message["reason"])
    return Outcome(status=message["status"], reason=message["reason"])


def _judge(returncode: int, errors: IO[bytes]) -> Outcome:
    """Return how a child ended, from its exit status and its standard error."""
    if returncode == 0:
        return Outcome(status="ok")
    if returncode == _SIGKILL:
        reason = "killed by the system, most likely out of memory"
        return Outcome(status="oom", reason=reason, by_machine=True)
    errors.seek(0)
    text = errors.read().decode(errors="replace").split("\n")
    last = next((line.strip() for line in reversed(text) if line.strip()), "no message")
    return Outcome(status="error", reason=f"ended with status {returncode}: {last:.300}")
