"""A child process under a time and a memory budget, whose messages are JSON lines. No torch.

The parent writes one JSON job to the child's standard input. The child answers with one JSON object
a line; an object ``{"type": "failure", "status": …, "reason": …}`` says that it gave up.
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
"""The reason of a record whose child ended well and said nothing."""

Message: TypeAlias = dict[str, Any]
_END = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Budget:
    """What a child may take.

    Attributes:
        seconds: From its start, or its last message, to its next message or its end.
        memory_bytes: Resident size, libraries included.
        added_bytes: Resident size above what the child's message of type ``baseline`` says that it
            held by then; None sets no such limit.
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
        by_machine: Whether the memory that it was out of is the machine's share for a child, and
            not what it may add or what its own allocator was allowed.
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
) -> Outcome:
    """Run a job in a process of its own and hand over its messages as they come.

    The child does not outlive the call, however it ends; should this process be killed outright, a
    `bench.worker` ends with it on Linux.

    Raises:
        ConfigError: The job's input is bad (the child says so), or no child can be started.
    """
    with tempfile.TemporaryFile() as errors:
        try:
            process = subprocess.Popen(
                command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors
            )
        except OSError as error:
            raise ConfigError(f"cannot start {command[0]}: {error.strerror or error}") from error
        with process:
            lines: queue.Queue[bytes | None] = queue.Queue()
            reader = threading.Thread(target=_read_lines, args=(process, lines), daemon=True)
            reader.start()
            try:
                _send(process, job)
                outcome = _watch(process, lines, budget, on_message)
            finally:
                process.kill()
                reader.join()
        return outcome or _judge(process.returncode, errors)


def ask_child(
    job: Mapping[str, Any], *, budget: Budget, command: Sequence[str] = WORKER
) -> tuple[list[Message], Outcome]:
    """Run a job and return its messages and how it ended.

    Bad input is an ending too: a student whose file is gone by now is a result of its cases.
    """
    answers: list[Message] = []
    try:
        outcome = run_child(job, budget=budget, on_message=answers.append, command=command)
    except ConfigError as error:
        outcome = Outcome(status="error", reason=str(error))
    return answers, outcome


def record_fields(answers: Sequence[Message], outcome: Outcome) -> dict[str, Any]:
    """Return the record fields of a child that answers once with all that it measured.

    The figures of its message are fields of a record, each of them measured.
    """
    if outcome.status == "ok" and answers:
        figures = {key: value for key, value in answers[0].items() if key != "type"}
        return {"status": "ok", "obtained": dict.fromkeys(figures, "measured"), **figures}
    status = outcome.status if outcome.status != "ok" else "error"
    return {"status": status, "reason": outcome.reason or NO_ANSWER}


def _send(process: subprocess.Popen[bytes], job: Mapping[str, Any]) -> None:
    """Hand over the job; a child that is gone already is judged by its end."""
    assert process.stdin is not None  # noqa: S101 (a pipe was asked for)
    try:
        process.stdin.write(json.dumps({**job, "parent_pid": os.getpid()}).encode())
        process.stdin.close()
    except BrokenPipeError:
        pass


def _watch(
    process: subprocess.Popen[bytes],
    lines: "queue.Queue[bytes | None]",
    budget: Budget,
    on_message: Callable[[Message], None],
) -> Outcome | None:
    """Follow a child; None leaves the verdict to its exit status."""
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
    """Tell which limit of memory a child has passed, if any."""
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
    """Read the child's lines; in a thread of its own, so that waiting for one can end."""
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
    """Tell how a child ended that said nothing itself."""
    if returncode == 0:
        return Outcome(status="ok")
    if returncode == _SIGKILL:
        reason = "killed by the system, most likely for want of memory"
        return Outcome(status="oom", reason=reason, by_machine=True)
    errors.seek(0)
    text = errors.read().decode(errors="replace").split("\n")
    last = next((line.strip() for line in reversed(text) if line.strip()), "no message")
    return Outcome(status="error", reason=f"ended with status {returncode}: {last:.300}")
