"""What a stretch of a training runs on: code, device, threads, processes."""

import subprocess
from pathlib import Path
from typing import Any

import torch

from pcakd import __version__
from pcakd.distill.parallel import world_size
from pcakd.distill.setting import teacher_dtype
from pcakd.machine import cpu_name


def describe_session(device: torch.device) -> dict[str, Any]:
    """Return what decides, beside the settings, which bits a training gives.

    Args:
        device: Where it computes; ``device`` begins with its type, or is the name of a GPU.
    """
    return {
        "software": f"pca-kd-bench {__version__}",
        "commit": _commit(),
        "device": _device_name(device),
        "cpu": cpu_name(),
        "threads": torch.get_num_threads(),
        "torch": torch.__version__,
        "processes": world_size(),
        "teacher_dtype": str(teacher_dtype(device)).removeprefix("torch."),
    }


def _device_name(device: torch.device) -> str:
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    return f"{device.type} ({torch.backends.cpu.get_cpu_capability()})"


def _commit() -> str | None:
    """Return the commit that this source tree is at, marked if it was edited; None without git."""
    root = Path(__file__).parents[2]
    try:
        if Path(_git(root, "rev-parse", "--show-toplevel")).resolve() != root.resolve():
            return None  # installed inside some other repository
        return _git(root, "describe", "--always", "--dirty", "--abbrev=40")
    except (OSError, subprocess.CalledProcessError):
        return None


def _git(folder: Path, *arguments: str) -> str:
    command = ["git", "-C", str(folder), *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
