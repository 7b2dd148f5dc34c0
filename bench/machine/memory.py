"""Memory of this machine and of its devices."""

from pathlib import Path
from typing import TYPE_CHECKING

import psutil

if TYPE_CHECKING:
    import torch

_CONTAINER_LIMIT = Path("/sys/fs/cgroup/memory.max")


def host_bytes() -> int:
    """Return the machine's memory in bytes, or its container's limit where that is lower."""
    total = int(psutil.virtual_memory().total)
    try:
        limit = _CONTAINER_LIMIT.read_text(encoding="ascii").strip()
    except OSError:
        return total
    return min(total, int(limit)) if limit.isdigit() else total


def total_bytes(device: "torch.device") -> int:
    """Return the memory of a device in bytes; for a CPU, `host_bytes`."""
    if device.type == "cuda":
        import torch

        return int(torch.cuda.get_device_properties(device).total_memory)
    return host_bytes()
