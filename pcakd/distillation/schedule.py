"""Schedules of training phases: number of steps, learning rate, batch and crop size."""

import math
from dataclasses import dataclass, field, fields
from typing import Any

from pcakd.distillation.data.sampling import Sampling
from pcakd.errors import ConfigError, shorten

ALL_BLOCKS = 0
"""Value of `PhaseSchedule.block` for a phase that trains all four blocks together."""

_WARM_UP = 0.1
_FINAL_RATE = 0.01


def require_types(settings: Any) -> None:
    """Check the fields of a dataclass whose type is a class; an integer is a number, too.

    Raises:
        ConfigError: A value has another type.
    """
    for each in fields(settings):
        value, kind = getattr(settings, each.name), each.type
        if not isinstance(kind, type):
            continue
        allowed = (int, float) if kind is float else kind
        if not isinstance(value, allowed) or (isinstance(value, bool) and kind is not bool):
            raise ConfigError(f"{each.name} must be of type {kind.__name__}, got {shorten(value)}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule:
    """Length, learning rate, batch and crop size of one phase.

    Attributes:
        steps: Optimiser steps.
        rate: Peak learning rate.
        batch: Crops per step, over all processes.
        crop: Side of the square crops in pixels; a multiple of 16 from 32 to 2048.

    Raises:
        ConfigError: A value is out of range.
    """

    steps: int
    rate: float
    batch: int = 8
    crop: int = 160

    def __post_init__(self) -> None:
        require_types(self)
        if not 32 <= self.crop <= 2048 or self.crop % 16:
            raise ConfigError(f"crop must be a multiple of 16 from 32 to 2048, got {self.crop}")
        if self.steps < 1:
            raise ConfigError(f"every phase needs at least one step, got {self.steps}")
        if self.batch < 1:
            raise ConfigError(f"batch must be at least 1, got {self.batch}")
        if not 0.0 <= self.rate < math.inf:
            raise ConfigError(f"rates must be finite, 0 or more, got {self.rate}")

    def rate_at(self, step: int) -> float:
        """Return the learning rate of a step (from 0).

        The rate rises linearly over the first tenth of the steps, then falls along half a cosine
        to a hundredth of its peak.
        """
        warm = max(1, round(_WARM_UP * self.steps))
        if step < warm:
            return self.rate * (step + 1) / warm
        way = (step - warm) / max(1, self.steps - warm)
        return self.rate * (
            _FINAL_RATE + (1.0 - _FINAL_RATE) * 0.5 * (1.0 + math.cos(math.pi * way))
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class PhaseSchedule:
    """The plan of one phase of a training.

    Attributes:
        name: Name of the phase, for example ``encoder``.
        block: The block that it trains, 1 to 4, or `ALL_BLOCKS`.
        schedule: Steps, learning rate, batch and crop size.
        sampling: How its crops are drawn.
    """

    name: str
    block: int = ALL_BLOCKS
    schedule: Schedule
    sampling: Sampling = field(default_factory=Sampling)

    def __str__(self) -> str:
        """Return the name for messages and file names."""
        return f"block {self.block} {self.name}" if self.block else self.name
