"""Devices by name: the names that commands take, and the devices of this machine."""

import re
from typing import TYPE_CHECKING

from pcakd.errors import ConfigError

if TYPE_CHECKING:
    import torch

_NAME = re.compile(r"(cpu|cuda|mps)(?::(\d{1,4}))?")


def list_devices() -> list[str]:
    """Return the names of the devices of this machine, ``cpu`` first.

    A single GPU is ``cuda``; several are ``cuda:0``, ``cuda:1`` and so on.
    """
    counts = _count_devices()
    names = ["cpu"]
    if counts["cuda"] > 1:
        names += [f"cuda:{index}" for index in range(counts["cuda"])]
    else:
        names += ["cuda"] * counts["cuda"]
    return names + ["mps"] * counts["mps"]


def describe_devices() -> str:
    """Return the text that help shows of ``--device``: only devices of this machine are named."""
    return f"where to compute: auto, {', '.join(list_devices())} (default: auto, the fastest)"


def resolve_device(name: str, *, probe: bool = False) -> "torch.device":
    """Return the device with a name.

    Args:
        name: ``cpu``, ``cuda``, ``cuda:N``, ``mps``, or ``auto``: CUDA, else MPS, else the CPU.
        probe: Whether to use the device once. This finds a GPU that another process has locked; it
            also starts CUDA in this process, which takes memory on the GPU.

    Raises:
        ConfigError: The name is not one of these, or this machine has no such device, or (with
            ``probe``) the device does not work.

    >>> resolve_device("cpu")
    device(type='cpu')
    """
    import torch

    counts = _count_devices()
    if name == "auto":
        name = next((kind for kind in ("cuda", "mps") if counts[kind]), "cpu")
    match = _NAME.fullmatch(name)
    if match is None:
        raise ConfigError(f"device {name!r} is not known; use {_choices()}")
    kind, index = match.groups()
    if int(index or 0) >= counts[kind]:
        raise ConfigError(f"device {name!r} is not on this machine; use {_choices()}")
    device = torch.device(name)
    if probe:
        _use_once(device)
    return device


def _use_once(device: "torch.device") -> None:
    import torch

    try:
        torch.empty(1, device=device)
    except RuntimeError as error:
        reason = str(error).partition("\n")[0]
        raise ConfigError(f"device '{device}' does not work ({reason}); use cpu") from error


def _count_devices() -> dict[str, int]:
    import torch

    return {
        "cpu": 1,
        "cuda": torch.cuda.device_count() if torch.cuda.is_available() else 0,
        "mps": int(torch.backends.mps.is_available()),
    }


def _choices() -> str:
    *names, last = list_devices()
    return f"{', '.join(names)} or {last}" if names else last
