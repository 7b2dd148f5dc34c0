"""What the measurements of one gate share. No torch."""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

from tqdm import tqdm

from bench.gate.config import GateConfig
from bench.gate.side_client import Side, SideProcess
from bench.machine.memory import host_bytes
from bench.plan.image_pairs import ImagePair

Bar: TypeAlias = "tqdm[Any]"

SIDES = ("base", "head")


@dataclass(frozen=True, slots=True, kw_only=True)
class GateContext:
    """What the measurements of one gate share.

    Attributes:
        config: The gate.
        sides: Base and head, by name.
        device: Name of the device.
        images: The latency images, arrays ``(3, h, w)``, by role.
        pairs: The image pairs of quality, and the folder of their arrays.
        scratch: Folder for temporary files.
        bar: Shows the current case.
        deadline: When the budget ends, on the monotonic clock.
    """

    config: GateConfig
    sides: Mapping[str, Side]
    device: str
    images: Mapping[str, Path]
    pairs: tuple[ImagePair, ...]
    scratch: Path
    bar: Bar
    deadline: float

    def start(
        self, side: str, *, seconds: float, environment: Mapping[str, str] | None = None
    ) -> SideProcess:
        """Start a process of a side."""
        return SideProcess(
            self.sides[side],
            seconds=seconds,
            memory_bytes=int(self.config.memory_fraction * host_bytes()),
            environment=environment,
        )

    def begin(self, process: SideProcess) -> dict[str, Any]:
        """Have a process import torch and the subjects."""
        self.send_begin(process)
        return process.receive()

    def send_begin(self, process: SideProcess) -> None:
        """Do the same without waiting; several processes then start at a time."""
        process.send("start", threads=self.config.threads, device=self.device)

    @property
    def is_over(self) -> bool:
        """Whether the budget has ended."""
        return time.monotonic() > self.deadline


def explain_shared(sides: Mapping[str, Side], base: str | None, head: str | None) -> str | None:
    """Return why sides do not compare in what they loaded; None if they do.

    Sides that are one environment, as in a self-test, compare in everything.

    Args:
        sides: Base and head.
        base: The file that base loaded it from; None if it is not known.
        head: That of head.
    """
    first, second = (sides[name] for name in SIDES)
    if (first.python, first.folder) == (second.python, second.folder):
        return None
    if base is None or base != head:
        return None
    return f"both sides load {base}, so it is no part of the code that is compared"
