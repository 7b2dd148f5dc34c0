"""All settings of the training of a peer's decoder, as data."""

import json
import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from pcakd.distillation.recipe import check_counts
from pcakd.distillation.schedule import PhaseSchedule, Schedule
from pcakd.errors import ConfigError

PHASE = "decoder"
"""The name of the phase in cards and logs; each block has one."""

LOSSES = ("b", "c", "d")
"""The losses, named as in the paper: image, features of the tap before, and the encoder's view."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DecoderRecipe:
    """Settings of the training of a decoder that mirrors an encoder, block by block.

    Attributes:
        schedules: Schedules of blocks 1 to 4.
        loss_weights: Weights of the losses b (image), c (features of the tap before) and d
            (features of the reconstruction, as the encoder sees it). Each loss is a share of its
            target's variance.
        max_attempts: Attempts at a block before the training fails.
        basis_images: Most photographs to normalise the encoder on.
        held_out: Photographs kept for the held-out losses.
        seed: Seed of weights, crops and everything else that is random.

    Raises:
        ConfigError: A value is out of range.
    """

    schedules: tuple[Schedule, Schedule, Schedule, Schedule]
    loss_weights: tuple[float, float, float] = (2.0, 1.0, 0.2)
    max_attempts: int = 3
    basis_images: int = 200
    held_out: int = 24
    seed: int = 0

    def __post_init__(self) -> None:
        check_counts(self.held_out, self.basis_images, self.max_attempts)
        if not all(0.0 <= weight < math.inf for weight in self.loss_weights):
            raise ConfigError("loss weights must be finite, 0 or more")

    def phases(self) -> tuple[PhaseSchedule, ...]:
        """Return the schedules of blocks 1 to 4."""
        return tuple(
            PhaseSchedule(name=PHASE, block=block, schedule=schedule)
            for block, schedule in enumerate(self.schedules, start=1)
        )

    def to_json(self) -> dict[str, Any]:
        """Return the settings as JSON values."""
        values: dict[str, Any] = json.loads(json.dumps(asdict(self)))  # lists, not tuples
        return values


def four_schedules(
    *, steps: Sequence[int], rates: Sequence[float], batch: int, crop: int
) -> tuple[Schedule, Schedule, Schedule, Schedule]:
    """Return the schedules of blocks 1 to 4."""
    first, second, third, fourth = (
        Schedule(steps=count, rate=rate, batch=batch, crop=crop)
        for count, rate in zip(steps, rates, strict=True)
    )
    return first, second, third, fourth
