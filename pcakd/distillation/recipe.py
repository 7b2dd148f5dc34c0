"""Everything that decides what a training computes, as data."""

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from pcakd.blocks import Regularizer
from pcakd.distillation.schedule import Leg, Sampling, Schedule
from pcakd.errors import ConfigError


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """Settings of a student's distillation.

    Attributes:
        encoder: Schedule of the encoder phase: all taps learn the teacher's coefficients.
        autoencoder: Of the autoencoder phase: pictures are to come back from every tap.
        stylization: Of the last phase: the whole student learns to stylize. Its batch is even.
        zoom: `Sampling.zoom` of all phases.
        exposure: `Sampling.exposure` of the last phase.
        twins: `Sampling.twins` of the last phase.
        settled_share: Of the rate of the autoencoder phase, what the encoder gets.
        autoencoder_weights: Of that phase's losses.
        weights: Of the last phase's losses.
        perceptual: Backbone of the network that compares pictures in the last phase.
        average: Decay of the moving average of the weights that the last phase ends with; 0 ends
            with the weights themselves.
        tap_offset: Where the batch norm before a tap's ReLU starts, in standard deviations:
            principal coefficients are signed, a ReLU is not. A depthwise convolution at a tap
            passes channels on one by one, so the norm before its input's ReLU starts there too.
        frozen_share: Share of the encoder phase's steps, at its end, with frozen batch statistics.
        min_r2_share: A tap whose R² is under this share of its ceiling has collapsed.
        max_dead_share: So has one with more than this share of dead channels.
        max_attempts: Attempts at a phase before the run gives up.
        basis_images: Photos that the eigenbases are fitted on, at most.
        held_out: Photos kept for R², its ceiling and dead channels.
        ridge: λ of the feature transform at each tap, as a share of the teacher's variance there
            (rounded to two digits), that the student learns to stylize with.
        regularizer: λ itself, one for all taps or four, in place of ``ridge``.
        seed: Of weights, crops and everything else.

    Raises:
        ConfigError: A value makes no sense.
    """

    encoder: Schedule = Schedule(steps=3000, rate=1e-2)
    autoencoder: Schedule = Schedule(steps=1500, rate=3e-3)
    stylization: Schedule = Schedule(steps=1500, rate=1e-3, batch=4, crop=192)
    zoom: tuple[int, int] = (112, 352)
    exposure: float = 0.5
    twins: float = 0.125
    settled_share: float = 0.2
    autoencoder_weights: "AutoencoderWeights" = field(default_factory=lambda: AutoencoderWeights())
    weights: "StylizationWeights" = field(default_factory=lambda: StylizationWeights())
    perceptual: str = "vgg16"
    average: float = 0.99
    tap_offset: float = 2.0
    frozen_share: float = 0.5
    min_r2_share: float = 0.1
    max_dead_share: float = 0.25
    max_attempts: int = 3
    basis_images: int = 500
    held_out: int = 24
    ridge: float = 0.02
    regularizer: Regularizer | None = None
    seed: int = 0

    def __post_init__(self) -> None:
        _check_counts(self.held_out, self.basis_images, self.max_attempts)
        if self.stylization.batch % 2:
            raise ConfigError(
                "crops of the stylization phase come in couples: its batch must be even, got "
                f"{self.stylization.batch}"
            )
        _check_regularizer(self.regularizer)
        if not 0.0 <= self.ridge < math.inf:
            raise ConfigError(f"ridge must be finite, 0 or more, got {self.ridge}")
        for name in ("settled_share", "frozen_share", "exposure", "twins"):
            if not 0.0 <= getattr(self, name) <= 1.0:
                raise ConfigError(f"{name} must lie in [0, 1], got {getattr(self, name)}")
        for name in ("tap_offset", "min_r2_share", "max_dead_share"):
            if not math.isfinite(getattr(self, name)):
                raise ConfigError(f"{name} must be finite, got {getattr(self, name)}")
        if not 0.0 <= self.average < 1.0:
            raise ConfigError(f"the average's decay must lie in [0, 1), got {self.average}")
        self.legs()  # checks what they are made of

    def legs(self) -> tuple[Leg, ...]:
        """Return what a student goes through, in order."""
        plain = Sampling(zoom=self.zoom)
        couples = Sampling(zoom=self.zoom, exposure=self.exposure, couples=True, twins=self.twins)
        return (
            Leg(phase="encoder", schedule=self.encoder, sampling=plain),
            Leg(phase="autoencoder", schedule=self.autoencoder, sampling=plain),
            Leg(phase="stylization", schedule=self.stylization, sampling=couples),
        )

    def regularizer_for(self, variances: Sequence[float]) -> Regularizer:
        """Return λ for a teacher with these variances at its taps."""
        if self.regularizer is not None:
            return self.regularizer
        first, second, third, fourth = (float(f"{self.ridge * v:.2g}") for v in variances)
        return first, second, third, fourth

    def to_json(self) -> dict[str, Any]:
        """Return the settings as JSON values."""
        return asdict(self)


@dataclass(frozen=True, slots=True, kw_only=True)
class AutoencoderWeights:
    """Weights of the losses of the autoencoder phase, each summed over taps or blocks.

    Attributes:
        image: Error of the pictures that come back from each tap, as shares of variance.
        features: Error of the features that decoder blocks 2 to 4 lead back to.
        taps: Share of the teacher's variance that the taps lack.

    Raises:
        ConfigError: A weight is negative or not finite.
    """

    image: float = 4.0
    features: float = 0.5
    taps: float = 0.5

    def __post_init__(self) -> None:
        _check_weights(self)


@dataclass(frozen=True, slots=True, kw_only=True)
class StylizationWeights:
    """Weights of the losses of the stylization phase.

    Attributes:
        style: Relative distance of Gram matrices from the style's.
        structure: 1 - SSIM with the content.
        perceptual: Distance of unit feature vectors from the content's.
        taps: Share of the teacher's variance that the taps lack, averaged over them.
        image: Error of the pictures that come back from each tap without a transform, averaged, as
            shares of variance: a student cannot stylize what it loses on the way.

    Raises:
        ConfigError: A weight is negative or not finite.
    """

    style: float = 1.1
    structure: float = 1.0
    perceptual: float = 1.5
    taps: float = 0.5
    image: float = 2.0

    def __post_init__(self) -> None:
        _check_weights(self)


@dataclass(frozen=True, slots=True, kw_only=True)
class DecoderRecipe:
    """Settings of the training of a decoder that mirrors an encoder, block by block.

    Attributes:
        schedules: Of blocks 1 to 4.
        loss_weights: Weights of the losses b (image), c (features of the tap before) and d (the
            encoder's view), each of which is a share of its target's variance.
        max_attempts: Attempts at a block before the run gives up.
        basis_images: Photos that the encoder is normalised on, at most.
        held_out: Photos kept for the held-out losses.
        seed: Of weights, crops and everything else.

    Raises:
        ConfigError: A value makes no sense.
    """

    schedules: tuple[Schedule, Schedule, Schedule, Schedule]
    loss_weights: tuple[float, float, float] = (2.0, 1.0, 0.2)
    max_attempts: int = 3
    basis_images: int = 200
    held_out: int = 24
    seed: int = 0

    def __post_init__(self) -> None:
        _check_counts(self.held_out, self.basis_images, self.max_attempts)
        if not all(0.0 <= weight < math.inf for weight in self.loss_weights):
            raise ConfigError("loss weights must be finite, 0 or more")

    def legs(self) -> tuple[Leg, ...]:
        """Return the blocks in order."""
        return tuple(
            Leg(phase="decoder", block=block, schedule=schedule)
            for block, schedule in enumerate(self.schedules, start=1)
        )

    def to_json(self) -> dict[str, Any]:
        """Return the settings as JSON values."""
        return asdict(self)


def _check_regularizer(given: Regularizer | None) -> None:
    values = given if isinstance(given, tuple) else (0.0 if given is None else given,)
    if not all(0.0 <= value < math.inf for value in values):
        raise ConfigError(f"the regularizer must be finite, 0 or more, got {given}")


def _check_weights(weights: AutoencoderWeights | StylizationWeights) -> None:
    if not all(0.0 <= each < math.inf for each in asdict(weights).values()):
        raise ConfigError("loss weights must be finite, 0 or more")


def _check_counts(held_out: int, basis_images: int, max_attempts: int) -> None:
    if held_out < 1 or basis_images < 1 or max_attempts < 1:
        raise ConfigError("held_out, basis_images and max_attempts must be at least 1")
