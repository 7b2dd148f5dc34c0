"""The processes of the two sides, as the gate talks to them. No torch."""

import json
import os
import queue
import subprocess
import tempfile
import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import IO, Any

import psutil

from pcakd.errors import PcakdError

PROCESS_FILE = Path(__file__).with_name("side_process.py")
METER_FILE = Path(__file__).parent.parent / "profiling" / "memory.py"

_POLL_SECONDS = 0.05
_JOIN_SECONDS = 2.0
_END = b""


class SideError(PcakdError):
    """A side failed at a command.

    Attributes:
        side: ``base`` or ``head``.
        missing: Whether what the command names is not there.
    """

    def __init__(self, side: str, reason: str, *, missing: bool = False) -> None:
        super().__init__(reason)
        self.side = side
        self.missing = missing


@dataclass(frozen=True, slots=True, kw_only=True)
class Side:
    """A version of the code and how to start it.

    Attributes:
        name: ``base`` or ``head``.
        title: What it is, for people: a revision or a folder.
        python: The interpreter.
        environment: Environment variables in addition to those of this process.
        folder: The working folder of its processes; relative paths of subjects start here.
        slow_down: Share by which its latency is increased on purpose; of the self-test.
    """

    name: str
    title: str
    python: Path
    folder: Path
    environment: Mapping[str, str] = field(default_factory=dict)
    slow_down: float = 0.0


class SideProcess:
    """A process of one side that answers commands; a context that ends it.

    Args:
        side: The side.
        seconds: Time budget of one answer.
        memory_bytes: Resident memory that the process may take.
        environment: Further environment variables.

    Attributes:
        seconds: Time budget of the next answer.

    Raises:
        SideError: It cannot be started.
    """

    def __init__(
        self,
        side: Side,
        *,
        seconds: float,
        memory_bytes: int,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        self.side = side
        self.seconds = seconds
        self._memory_bytes = memory_bytes
        self._errors: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115 (closed by close)
        # -P: the folder of the file is not on the path, so that its neighbours hide no module
        command = [str(side.python), "-P", str(PROCESS_FILE), str(os.getpid())]
        try:
            self._process = subprocess.Popen(
                command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=self._errors,
                cwd=side.folder,
                env={**os.environ, **side.environment, **(environment or {})},
            )
        except OSError as error:
            self._errors.close()
            reason = f"cannot start {side.python}: {error.strerror or error}"
            raise SideError(side.name, reason) from error
        self._lines: queue.Queue[bytes] = queue.Queue()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def __enter__(self) -> "SideProcess":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """End the process."""
        self._process.kill()
        self._process.wait()
        self._reader.join(_JOIN_SECONDS)
        streams = [self._process.stdin, self._errors]
        if not self._reader.is_alive():  # else a process that the subject started holds the pipe
            streams.append(self._process.stdout)
        for stream in streams:
            if stream is not None:
                with suppress(BrokenPipeError):  # of a command that the process did not read
                    stream.close()

    def ask(self, do: str, **command: Any) -> dict[str, Any]:
        """Send a command and wait for its answer.

        Raises:
            SideError: The process fails, ends, or exceeds its time or memory.
        """
        self.send(do, **command)
        return self.receive()

    def send(self, do: str, **command: Any) -> None:
        """Send a command; `receive` returns its answer.

        Raises:
            SideError: The process has ended.
        """
        assert self._process.stdin is not None  # noqa: S101 (a pipe was asked for)
        try:
            self._process.stdin.write(json.dumps({"do": do, **command}).encode() + b"\n")
            self._process.stdin.flush()
        except OSError:
            raise self._failure(self._last_words()) from None

    def receive(self) -> dict[str, Any]:
        """Wait for the answer to a command that was sent.

        Raises:
            SideError: As of `ask`.
        """
        answer: dict[str, Any] = json.loads(self._wait())
        if not answer.pop("ok"):
            raise self._failure(answer["reason"], missing=answer["kind"] == "missing")
        return answer

    def _wait(self) -> bytes:
        deadline = time.monotonic() + self.seconds
        while True:
            try:
                line = self._lines.get(timeout=_POLL_SECONDS)
            except queue.Empty:
                if time.monotonic() > deadline:
                    self._process.kill()
                    raise self._failure(
                        f"took more than its budget of {self.seconds:g} s"
                    ) from None
                if _resident_bytes(self._process.pid) > self._memory_bytes:
                    self._process.kill()
                    limit = self._memory_bytes / 2**30
                    raise self._failure(f"took more than its budget of {limit:.1f} GiB") from None
                continue
            if line == _END:
                raise self._failure(self._last_words())
            return line

    def _failure(self, reason: str, *, missing: bool = False) -> SideError:
        return SideError(self.side.name, reason, missing=missing)

    def _read(self) -> None:
        """Read lines in a thread, so that waiting for one can time out."""
        assert self._process.stdout is not None  # noqa: S101 (a pipe was asked for)
        for line in self._process.stdout:
            self._lines.put(line)
        self._lines.put(_END)

    def _last_words(self) -> str:
        """Return why the process ended, from its exit status and its standard error."""
        status = self._process.wait()
        if status == -9:
            return "killed by the system, most likely out of memory"
        self._errors.seek(0)
        lines = self._errors.read().decode(errors="replace").split("\n")
        last = next((line.strip() for line in reversed(lines) if line.strip()), "no message")
        return f"ended with status {status}: {last:.300}"


def _resident_bytes(pid: int) -> int:
    try:
        return int(psutil.Process(pid).memory_info().rss)
    except psutil.Error:
        return 0
