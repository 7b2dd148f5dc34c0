"""The environment that every record has: versions, processor, settings."""

import os
import platform
from typing import Any

import torch

from bench.machine.cgroup import read_limits
from bench.machine.memory import total_bytes
from pcakd import __version__
from pcakd.utils.cpu import cpu_name
from pcakd.utils.huge_pages import has_huge_pages


def describe_environment(device: torch.device) -> dict[str, Any]:
    """Return versions, processor, threads, limits and the settings that change speed or numbers.

    ``cpu_quota`` (processors) and ``memory_limit_bytes`` are limits of the process's control
    groups, None without. It holds no name of a user, host or network.
    """
    limits = read_limits()
    return {
        "version": __version__,
        "python": platform.python_version(),
        "torch": torch.__version__,
        "cuda": torch.version.cuda if device.type == "cuda" else None,
        "cudnn": torch.backends.cudnn.version() if device.type == "cuda" else None,  # type: ignore[no-untyped-call]
        "os": f"{platform.system()} {platform.release()}",
        "architecture": platform.machine(),
        "cpu": cpu_name(),
        "cpu_count": os.cpu_count(),
        "cpu_quota": limits.cpu_quota,
        "device": device.type,
        "device_name": device_name(device),
        "memory_bytes": total_bytes(device),
        "memory_limit_bytes": limits.memory_bytes,
        "threads": torch.get_num_threads(),
        "huge_pages": has_huge_pages(),
        "tf32": False,
        "cudnn_benchmark": torch.backends.cudnn.benchmark,
    }


def device_name(device: torch.device) -> str:
    """Return the name of the GPU or CPU behind a device."""
    return torch.cuda.get_device_name(device) if device.type == "cuda" else cpu_name()
