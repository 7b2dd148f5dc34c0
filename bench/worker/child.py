"""The child process of one case: ``python -m bench.worker`` with a job on standard input."""

import ctypes
import json
import os
import signal
import sys
from collections.abc import Callable, Mapping
from typing import Any

from pcakd.errors import PcakdError
from pcakd.utils.out_of_memory import is_out_of_memory

Send = Callable[[dict[str, Any]], None]
Jobs = Mapping[str, Callable[[Mapping[str, Any], Send], None]]

_PR_SET_PDEATHSIG = 1  # of linux/prctl.h

_INDEX_LIMITS = ("canUse32BitIndexMath", "32-bit index math", "integer out of range")
"""What torch's kernels say of a tensor with more elements than they can count."""


def serve(jobs: Jobs) -> int:
    """Run the job on standard input and answer on standard output.

    What libraries print goes to standard error, so that every line of the answer is ours.
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
        jobs[job["job"]](job, send)
    except Exception as error:  # every end of a case is a result
        send(describe_failure(error))
    return 0


def end_with_parent() -> None:
    """Ask Linux to kill this process when the one that started it ends; elsewhere do nothing."""
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)


def is_orphan(job: Mapping[str, Any]) -> bool:
    """Tell whether the process that sent a job was gone before `end_with_parent` took effect."""
    return sys.platform == "linux" and job.get("parent_pid") not in (None, os.getppid())


def describe_failure(error: Exception) -> dict[str, Any]:
    """Return the message for a case that failed: out of memory, bad input, or a fault."""
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
