"""Shared by the jobs: their types, the device and the images of a case."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, TypeAlias

import torch
from torch import Tensor

from pcakd.utils.devices import resolve_device

Job: TypeAlias = Mapping[str, Any]
Send: TypeAlias = Callable[[dict[str, Any]], None]


def choose_device(name: str | None) -> torch.device:
    """Return a device by name, or the fastest one.

    A CUDA device becomes the current one, on which events are recorded and memory is limited.
    """
    device = resolve_device(name or "auto")
    if device.type == "cuda":
        torch.cuda.set_device(device.index or 0)
    return device


def make_images(job: Job, device: torch.device) -> tuple[Tensor, Tensor]:
    """Return a content and a style image of a job's size, the same ones in every child."""
    generator = torch.Generator().manual_seed(0)
    image = partial(torch.rand, 1, 3, job["height"], job["width"], generator=generator)
    return image().to(device), image().to(device)
