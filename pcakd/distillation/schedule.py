"""The stretches of a training: how long, how fast, on which crops."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

from pcakd.errors import ConfigError

PhaseName = Literal["encoder", "autoencoder", "stylization", "decoder"]

ALL_BLOCKS = 0
"""The block of a leg that trains all four together."""

_WARM_UP = 0.1
_FINAL_RATE = 0.01


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule:
    """How long, how fast and on what a phase is trained.

    Attributes:
        steps: Optimiser steps.
        rate: Peak learning rate.
        batch: Crops a step, over all devices.
        crop: Side of the square crops in pixels; a multiple of 16 from 32 to 2048.

    Raises:
        ConfigError: A value makes no sense.
    """

    steps: int
    rate: float
    batch: int = 8
    crop: int = 160

    def __post_init__(self) -> None:
        if not 32 <= self.crop <= 2048 or self.crop % 16:
            raise ConfigError(f"crop must be a multiple of 16 from 32 to 2048, got {self.crop}")
        if self.steps < 1:
            raise ConfigError(f"every phase needs at least one step, got {self.steps}")
        if self.batch < 1:
            raise ConfigError(f"batch must be at least 1, got {self.batch}")
        if not 0.0 <= self.rate < math.inf:
            raise ConfigError(f"rates must be finite, 0 or more, got {self.rate}")

    def rate_at(self, step: int) -> float:
        """Return the rate of a step: a linear warm-up, then half a cosine down to a hundredth."""
        warm = max(1, round(_WARM_UP * self.steps))
        if step < warm:
            return self.rate * (step + 1) / warm
        way = (step - warm) / max(1, self.steps - warm)
        return self.rate * (
            _FINAL_RATE + (1.0 - _FINAL_RATE) * 0.5 * (1.0 + math.cos(math.pi * way))
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Sampling:
    """How crops are drawn from photographs.

    Attributes:
        zoom: Sides, in pixels of the photograph, between which the square that becomes a crop is
            drawn (uniformly in the logarithm, the photograph's own size allowing); None cuts crops
            out as they are.
        exposure: Share of the crops whose exposure and colour balance are changed.
        couples: Whether the crops come in couples, each the style of the other.
        twins: Share of the couples that are the same crop twice: stylizing one by the other is to
            change nothing.

    Raises:
        ConfigError: A value makes no sense.
    """

    zoom: tuple[int, int] | None = None
    exposure: float = 0.0
    couples: bool = False
    twins: float = 0.0

    def __post_init__(self) -> None:
        if self.zoom is not None and not 16 <= self.zoom[0] <= self.zoom[1]:
            raise ConfigError(f"zoom must be two rising numbers of pixels from 16, got {self.zoom}")
        if not (0.0 <= self.exposure <= 1.0 and 0.0 <= self.twins <= 1.0):
            raise ConfigError("shares of crops must lie between 0 and 1")


@dataclass(frozen=True, slots=True, kw_only=True)
class Leg:
    """One stretch of a training.

    Attributes:
        phase: What is trained on which losses.
        block: Which block, 1 to 4, or `ALL_BLOCKS`.
        schedule: For how long.
        sampling: On which crops.
    """

    phase: PhaseName
    block: int = ALL_BLOCKS
    schedule: Schedule
    sampling: Sampling = field(default_factory=Sampling)

    def __str__(self) -> str:
        """Return the name that people see."""
        return f"block {self.block} {self.phase}" if self.block else self.phase


def four_schedules(
    *, steps: Sequence[int], rates: Sequence[float], batch: int, crop: int
) -> tuple[Schedule, Schedule, Schedule, Schedule]:
    """Return the schedules of blocks 1 to 4."""
    first, second, third, fourth = (
        Schedule(steps=count, rate=rate, batch=batch, crop=crop)
        for count, rate in zip(steps, rates, strict=True)
    )
    return first, second, third, fourth
