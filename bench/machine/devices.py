"""Devices by name."""

import torch

from bench.machine.memory import host_bytes
from pcakd.errors import ConfigError


def parse_device(name: str) -> torch.device:
    """Return the device called ``cpu``, ``cuda``, ``cuda:N`` or ``mps``.

    Raises:
        ConfigError: There is no such device, or not on this machine.
    """
    try:
        device = torch.device(name)
    except RuntimeError:
        raise ConfigError(f"device {name!r} is not known; use cpu, cuda or mps") from None
    if device.type not in ("cpu", "cuda", "mps"):
        raise ConfigError(f"device {name!r} is not supported; use cpu, cuda or mps")
    present = {
        "cpu": 1,
        "cuda": torch.cuda.device_count() if torch.cuda.is_available() else 0,
        "mps": int(torch.backends.mps.is_available()),
    }[device.type]
    if (device.index or 0) >= present:
        raise ConfigError(f"device {name!r} is not on this machine; use cpu")
    return device


def total_bytes(device: torch.device) -> int:
    """Return the memory of a device; for a CPU the machine's, or its container's limit."""
    if device.type == "cuda":
        return int(torch.cuda.get_device_properties(device).total_memory)
    return host_bytes()
