"""What a record says of its machine and of the code that ran."""

import hashlib
import os
import platform
import subprocess
from pathlib import Path
from typing import Any

import torch

from bench.profiling.memory import total_bytes
from pcakd.machine import cpu_name

_ROOT = Path(__file__).resolve().parent.parent


def describe_environment(device: torch.device) -> dict[str, Any]:
    """Return versions, processor, threads and the settings that change speed or numbers.

    Nothing names the user or the network.
    """
    return {
        "python": platform.python_version(),
        "torch": torch.__version__,
        "cuda": torch.version.cuda if device.type == "cuda" else None,
        "cudnn": torch.backends.cudnn.version() if device.type == "cuda" else None,  # type: ignore[no-untyped-call]
        "os": f"{platform.system()} {platform.release()}",
        "architecture": platform.machine(),
        "cpu": cpu_name(),
        "cpu_count": os.cpu_count(),
        "device": device.type,
        "device_name": device_name(device),
        "memory_bytes": total_bytes(device),
        "threads": torch.get_num_threads(),
        "tf32": False,
        "cudnn_benchmark": torch.backends.cudnn.benchmark,
    }


def device_name(device: torch.device) -> str:
    """Return the name of the processor that a device is."""
    return torch.cuda.get_device_name(device) if device.type == "cuda" else cpu_name()


def git_state(root: Path = _ROOT) -> tuple[str | None, bool | None]:
    """Return the commit of the code and whether tracked files differ from it.

    What is under ``reports`` is a product and does not count. Without git, or where the package is
    installed away from its repository, both are None.
    """
    top = _git(root, "rev-parse", "--show-toplevel")
    commit = _git(root, "rev-parse", "HEAD")
    if top is None or commit is None or Path(top).resolve() != root.resolve():
        return None, None
    changes = _git(root, "status", "--porcelain", "--untracked-files=no", "--", ".", ":!reports")
    return commit, None if changes is None else bool(changes)


def hash_edits(root: Path = _ROOT) -> str:
    """Return the SHA-256 of what tracked files differ by from their commit, reports aside."""
    edits = _git(root, "diff", "--binary", "HEAD", "--", ".", ":!reports") or ""
    return hashlib.sha256(edits.encode("utf-8", "surrogateescape")).hexdigest()


def _git(root: Path, *arguments: str) -> str | None:
    try:
        done = subprocess.run(
            ["git", "-C", str(root), *arguments],  # noqa: S607 (the user's git, wherever it is)
            capture_output=True,
            encoding="utf-8",
            errors="surrogateescape",  # a diff has the bytes of the files
            timeout=20,
            check=True,
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip()
