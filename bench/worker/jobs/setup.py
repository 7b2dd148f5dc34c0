"""Shared by the jobs: their types, the device and the images of a case."""

from collections.abc import Callable, Mapping
from functools import cache
from importlib.resources import as_file, files
from typing import Any, TypeAlias

import torch
from torch import Tensor

from pcakd.images import load_image
from pcakd.utils.devices import resolve_device

Job: TypeAlias = Mapping[str, Any]
_SHIPPED_PAIR = "01"

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
    """Return a content and a style image of a job's size: a shipped image pair.

    The time of an operator can depend on its input: sorting, caches, denormal numbers. The
    photographs are decoded once in a process.
    """
    content, style = (
        tile_by_reflection(_load_shipped(role), job["height"], job["width"]).to(device)
        for role in ("content", "style")
    )
    return content, style


def tile_by_reflection(image: Tensor, height: int, width: int) -> Tensor:
    """Return an image ``(3, h, w)`` as ``(1, 3, height, width)``: cut, or continued by reflection.

    >>> tile_by_reflection(torch.arange(3.0).expand(3, 1, 3), 1, 7)[0, 0, 0].tolist()
    [0.0, 1.0, 2.0, 2.0, 1.0, 0.0, 0.0]
    """
    rows, columns = (
        _reflect(torch.arange(wanted), size)
        for wanted, size in zip((height, width), image.shape[-2:], strict=True)
    )
    return image[:, rows][:, :, columns][None].contiguous()


def _reflect(places: Tensor, size: int) -> Tensor:
    """Fold places on an endless axis into an axis of ``size``, forwards and backwards in turn."""
    folded = places % (2 * size)
    return torch.minimum(folded, 2 * size - 1 - folded)


@cache
def _load_shipped(role: str) -> Tensor:
    with as_file(files("bench.data") / "pairs" / f"{_SHIPPED_PAIR}_{role}.jpg") as path:
        return load_image(path)
