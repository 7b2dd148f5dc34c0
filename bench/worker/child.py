"""The child process of one case: ``python -m bench.worker`` with a job on standard input."""

import ctypes
import json
import os
import signal
import sys
from collections.abc import Callable, Mapping
from typing import Any

from bench.machine.threads import bound_threads
from pcakd.errors import PcakdError
from pcakd.utils.out_of_memory import is_out_of_memory

Send = Callable[[dict[str, Any]], None]
Jobs = Mapping[str, Callable[[Mapping[str, Any], Send], None]]

_PR_SET_PDEATHSIG = 1  # of linux/prctl.h

_INDEX_LIMITS = ("canUse32BitIndexMath", "32-bit index math", "integer out of range")
"""Parts of the messages of torch's kernels about tensors with too many elements."""


def serve(jobs: Jobs) -> int:
    """Run the job on standard input and write its messages to standard output.

    Other output of libraries is redirected to standard error.
    """
    end_with_parent()
    answer = os.fdopen(os.dup(sys.stdout.fileno()), "w", encoding="utf-8")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())

    def send(message: dict[str, Any]) -> None:
        answer.write(json.dumps(message, allow_nan=False) + "\n")
        answer.flush()

    try:
        job = json.load(sys.stdin)
        if is_orphan(job):
            return 1
        bound_threads()
        jobs[job["job"]](job, send)
    except Exception as error:  # every failure of a case is a result
        send(describe_failure(error))
    return 0


def end_with_parent() -> None:
    """On Linux, have this process killed when its parent ends."""
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)


def is_orphan(job: Mapping[str, Any]) -> bool:
    """Return whether the parent of a job had ended before `end_with_parent` took effect."""
    return sys.platform == "linux" and job.get("parent_pid") not in (None, os.getppid())


def describe_failure(error: Exception) -> dict[str, Any]:
    """Return the message of a failed case: out of memory, bad input or another error."""
    text = " ".join(str(error).split())
    if is_out_of_memory(error):
        reason = text.split(". ")[0][:200] or "out of memory"
        return {"type": "failure", "status": "oom", "reason": reason}
    if isinstance(error, PcakdError):
        return {"type": "failure", "status": "error", "bad_input": True, "reason": text}
    reason = f"{type(error).__name__}: {text}"
    if any(each in text for each in _INDEX_LIMITS):
        reason = f"the image is too large for torch's 32-bit indices: {reason}"
    return {"type": "failure", "status": "error", "reason": reason[:300]}
