"""Everything that decides what a distillation computes, as data."""

import math
from dataclasses import asdict, dataclass
from typing import Any, Literal

from pcakd.errors import ConfigError

PhaseName = Literal["encoder", "pair", "decoder"]
PHASES: tuple[PhaseName, ...] = ("encoder", "pair")
"""What each block pair of a student goes through."""
DECODER_PHASES: tuple[PhaseName, ...] = ("decoder",)
"""What each block goes through where only decoders are trained."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """Settings of a distillation; the defaults are for 256-px crops as in the paper.

    Attributes:
        crop: Side of the square training crops, in pixels; a multiple of 16 from 32 to 2048.
        batch: Crops a step.
        encoder_steps: Steps of the encoder phase of blocks 1 to 4.
        pair_steps: Steps of the pair (or decoder) phase of blocks 1 to 4.
        encoder_rate: Peak learning rate of the encoder phase.
        pair_rate: Peak learning rate of the pair (or decoder) phase, or one for each block.
        settled_share: Of the pair phase's rate, what the encoder gets, which has learnt already.
        loss_weights: Weights of the losses a (the teacher's coefficients), b (image), c (features
            of the tap before) and d (the teacher's features), each of which is a share of its
            target's variance.
        tap_offset: Where the batch norm before a tap's ReLU starts, in standard deviations:
            principal coefficients are signed, a ReLU is not.
        frozen_share: Share of the steps, at the end of a phase, with frozen batch statistics.
        min_r2_share: A block whose R² is under this share of its ceiling has collapsed.
        max_dead_share: So has one with more than this share of dead channels.
        max_attempts: Attempts at a block before the run gives up.
        basis_images: Photos that the eigenbases are fitted on, at most.
        held_out: Photos kept for R², its ceiling and dead channels.
        regularizer: λ of the feature transform, stored in the student.
        seed: Of weights, crops and everything else.

    Raises:
        ConfigError: A value makes no sense.
    """

    crop: int = 256
    batch: int = 8
    encoder_steps: tuple[int, int, int, int] = (400, 800, 1200, 2000)
    pair_steps: tuple[int, int, int, int] = (600, 2000, 3000, 4000)
    encoder_rate: float = 1e-2
    pair_rate: float | tuple[float, float, float, float] = 3e-3
    settled_share: float = 0.1
    loss_weights: tuple[float, float, float, float] = (1.0, 2.0, 1.0, 0.2)
    tap_offset: float = 2.0
    frozen_share: float = 0.3
    min_r2_share: float = 0.3
    max_dead_share: float = 0.25
    max_attempts: int = 3
    basis_images: int = 500
    held_out: int = 24
    regularizer: float = 1.0
    seed: int = 0

    def __post_init__(self) -> None:
        if not 32 <= self.crop <= 2048 or self.crop % 16:
            raise ConfigError(f"crop must be a multiple of 16 from 32 to 2048, got {self.crop}")
        if self.batch < 1 or self.held_out < 1 or self.basis_images < 1 or self.max_attempts < 1:
            raise ConfigError("batch, held_out, basis_images and max_attempts must be at least 1")
        if min(*self.encoder_steps, *self.pair_steps) < 1:
            raise ConfigError("every block needs at least one step of each phase")
        rates = [self.rate("pair", block) for block in (1, 2, 3, 4)]
        numbers = (self.encoder_rate, *rates, self.regularizer, *self.loss_weights)
        if not all(0.0 <= number < math.inf for number in numbers):
            raise ConfigError("rates, loss weights and the regularizer must be finite, 0 or more")

    def steps(self, phase: PhaseName, block: int) -> int:
        """Steps of a phase of block 1 to 4."""
        table = self.encoder_steps if phase == "encoder" else self.pair_steps
        return table[block - 1]

    def rate(self, phase: PhaseName, block: int) -> float:
        """Peak learning rate of a phase of block 1 to 4."""
        if phase == "encoder":
            return self.encoder_rate
        return self.pair_rate[block - 1] if isinstance(self.pair_rate, tuple) else self.pair_rate

    def to_json(self) -> dict[str, Any]:
        """Return the settings as JSON values."""
        return asdict(self)
