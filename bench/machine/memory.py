"""Memory of this machine and of its devices."""

from typing import TYPE_CHECKING

import psutil

from bench.machine.cgroup import read_limits

if TYPE_CHECKING:
    import torch


def host_bytes() -> int:
    """Return the machine's memory in bytes, or its control groups' limit where that is lower."""
    total = int(psutil.virtual_memory().total)
    limit = read_limits().memory_bytes
    return total if limit is None else min(total, limit)


def total_bytes(device: "torch.device") -> int:
    """Return the memory of a device in bytes; for a CPU, `host_bytes`."""
    if device.type == "cuda":
        import torch

        return int(torch.cuda.get_device_properties(device).total_memory)
    return host_bytes()
