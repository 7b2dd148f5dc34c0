"""Devices by name."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch

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


@contextmanager
def full_precision() -> Iterator[None]:
    """Keep TF32 out of float32 convolutions and products, as the measuring contract says."""
    before = torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision("highest")
    try:
        with torch.backends.cudnn.flags(enabled=True, allow_tf32=False):
            yield
    finally:
        torch.set_float32_matmul_precision(before)
