"""All settings of a student's training, as data."""

import json
import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from pcakd.blocks import Regularizer
from pcakd.distillation.data.sampling import Sampling
from pcakd.distillation.schedule import PhaseSchedule, Schedule, require_types
from pcakd.errors import ConfigError
from pcakd.transforms import require_transform

OF_LAST_PHASE = (
    *("stylization", "exposure", "identity_share", "weights", "perceptual", "transform"),
    *("average", "ridge", "regularizer", "colour_transfer"),
)
"""Settings that no phase before the last one depends on."""

_SHARES = ("settled_share", "frozen_share", "exposure", "identity_share", "colour_transfer")


@dataclass(frozen=True, slots=True, kw_only=True)
class AutoencoderWeights:
    """Loss weights of the autoencoder phase. Each loss is summed over taps or blocks.

    Attributes:
        image: Reconstruction error from each tap, as a share of the images' variance.
        features: Error of the features that decoder blocks 2 to 4 reconstruct.
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
    """Loss weights of the stylization phase.

    Attributes:
        style: Relative distance of Gram matrices from the style's, ‖G - T‖ / ‖T‖.
        structure: 1 - SSIM with the content.
        perceptual: Distance of unit feature vectors from the content's.
        taps: Share of the teacher's variance that the taps lack, averaged over them.
        image: Reconstruction error from each tap, averaged, as a share of the images' variance.
        bounded_style: Bounded distance of Gram matrices from the style's,
            ‖G - T‖ / (‖G‖ + ‖T‖).
        edges: 1 - SSIM of gradient magnitudes with the content's: colours are free to change.
        moments: Bounded distance of means and standard deviations of features from the style's.
        gaussians: Bounded Wasserstein distance of Gaussians with the moments of features.
        slices: Bounded sliced Wasserstein distance of features from the style's.
        multiscale: 1 - MS-SSIM with the content.
        self_similarity: Difference of cosine distances between places of an image from those in the
            content. A loss from ``moments`` on is computed only if its weight is not 0.

    Raises:
        ConfigError: A weight is negative or not finite.
    """

    style: float = 0.0
    structure: float = 0.0
    perceptual: float = 1.5
    taps: float = 0.5
    image: float = 2.0
    bounded_style: float = 4.0
    edges: float = 3.0
    moments: float = 0.0
    gaussians: float = 0.0
    slices: float = 0.0
    multiscale: float = 0.0
    self_similarity: float = 0.0

    def __post_init__(self) -> None:
        _check_weights(self)


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """Settings of a student's training.

    Attributes:
        encoder: Schedule of the encoder phase: all taps learn the teacher's coefficients.
        autoencoder: Schedule of the autoencoder phase: the decoder learns to reconstruct images.
        stylization: Schedule of the last phase: the whole student learns to stylize. Its batch
            must be even.
        zoom: `Sampling.zoom` of all phases.
        exposure: `Sampling.exposure` of the stylization phase.
        identity_share: `Sampling.identity_share` of the stylization phase.
        settled_share: Learning rate of the encoder in the autoencoder phase, as a share of the
            decoder's.
        autoencoder_weights: Loss weights of the autoencoder phase.
        weights: Loss weights of the stylization phase.
        perceptual: Backbone of the perceptual losses of the stylization phase, or several joined by
            ``+``: losses are means over the taps of all.
        transform: Transform of the stylization phase, ``zca``, ``ot`` or ``adain``.
        average: Decay of the moving average of weights that the stylization phase ends with;
            0 keeps the last weights instead.
        tap_offset: Initial offset of the batch norm before a tap's ReLU, in standard deviations.
            Principal coefficients are signed, and the ReLU would clip the negative ones. Where a
            depthwise convolution ends at the tap, the norm before it starts with this offset too.
        frozen_share: Share of the encoder phase's steps, at its end, with frozen batch statistics.
        min_r2_share: A tap with an R² under this share of its ceiling has collapsed.
        max_dead_share: A tap with more than this share of dead channels has collapsed.
        max_attempts: Attempts at a phase before the training fails.
        basis_images: Most photographs to fit the eigenbases on.
        held_out: Photographs kept for the health checks, at most a tenth of all.
        ridge: λ of the feature transform at each tap, as a share of the teacher's variance there
            (rounded to two digits).
        regularizer: λ itself, one number for all taps or four; replaces ``ridge``.
        colour_transfer: Strength of the colour transfer that ends the student's stylizations, in
            the stylization phase too.
        seed: Seed of weights, crops and everything else that is random.

    Raises:
        ConfigError: A value is out of range.
        UnknownNameError: There is no such transform.
    """

    encoder: Schedule = Schedule(steps=3000, rate=1e-2)
    autoencoder: Schedule = Schedule(steps=1500, rate=3e-3)
    stylization: Schedule = Schedule(steps=1500, rate=1e-3, batch=4, crop=192)
    zoom: tuple[int, int] = (112, 352)
    exposure: float = 0.5
    identity_share: float = 0.125
    settled_share: float = 0.2
    autoencoder_weights: AutoencoderWeights = field(default_factory=AutoencoderWeights)
    weights: StylizationWeights = field(default_factory=StylizationWeights)
    perceptual: str = "vgg16"
    transform: str = "zca"
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
    colour_transfer: float = 1.0
    seed: int = 0

    def __post_init__(self) -> None:
        require_types(self)
        require_transform(self.transform)
        check_counts(self.held_out, self.basis_images, self.max_attempts)
        if self.stylization.batch % 2:
            raise ConfigError(
                "crops of the stylization phase form image pairs: its batch must be even, got "
                f"{self.stylization.batch}"
            )
        _check_regularizer(self.regularizer)
        if not 0.0 <= self.ridge < math.inf:
            raise ConfigError(f"ridge must be finite, 0 or more, got {self.ridge}")
        for name in _SHARES:
            if not 0.0 <= getattr(self, name) <= 1.0:
                raise ConfigError(f"{name} must lie in [0, 1], got {getattr(self, name)}")
        for name in ("tap_offset", "min_r2_share", "max_dead_share"):
            if not math.isfinite(getattr(self, name)):
                raise ConfigError(f"{name} must be finite, got {getattr(self, name)}")
        if not 0.0 <= self.average < 1.0:
            raise ConfigError(f"the average's decay must lie in [0, 1), got {self.average}")
        self.phases()  # checks the sampling

    def phases(self) -> tuple[PhaseSchedule, ...]:
        """Return the schedules of the three phases, in order."""
        plain = Sampling(zoom=self.zoom)
        pairs = Sampling(
            zoom=self.zoom,
            exposure=self.exposure,
            image_pairs=True,
            identity_share=self.identity_share,
        )
        return (
            PhaseSchedule(name="encoder", schedule=self.encoder, sampling=plain),
            PhaseSchedule(name="autoencoder", schedule=self.autoencoder, sampling=plain),
            PhaseSchedule(name="stylization", schedule=self.stylization, sampling=pairs),
        )

    @property
    def perceptual_backbones(self) -> tuple[str, ...]:
        """The names in ``perceptual``."""
        return tuple(self.perceptual.split("+"))

    def fine_tuning(self) -> "FineTuning":
        """Return the training of a finished student: the last phase alone."""
        return FineTuning(self)

    def regularizer_for(self, variances: Sequence[float]) -> Regularizer:
        """Return λ for a teacher with these variances at taps 1 to 4."""
        if self.regularizer is not None:
            return self.regularizer
        first, second, third, fourth = (float(f"{self.ridge * v:.2g}") for v in variances)
        return first, second, third, fourth

    def to_json(self) -> dict[str, Any]:
        """Return the settings as JSON values."""
        values: dict[str, Any] = json.loads(json.dumps(asdict(self)))  # lists, not tuples
        return values


@dataclass(frozen=True, slots=True)
class FineTuning:
    """The stylization phase of a recipe, for a student that is trained already.

    Attributes:
        recipe: The recipe.
    """

    recipe: Recipe

    @property
    def max_attempts(self) -> int:
        """Attempts at the phase."""
        return self.recipe.max_attempts

    @property
    def seed(self) -> int:
        """Seed of everything random."""
        return self.recipe.seed

    def phases(self) -> tuple[PhaseSchedule, ...]:
        """Return the schedule of the phase."""
        return self.recipe.phases()[-1:]

    def to_json(self) -> dict[str, Any]:
        """Return all settings of the recipe."""
        return self.recipe.to_json()


def check_counts(held_out: int, basis_images: int, max_attempts: int) -> None:
    """Check the numbers of photographs and attempts.

    Raises:
        ConfigError: One is less than 1.
    """
    if held_out < 1 or basis_images < 1 or max_attempts < 1:
        raise ConfigError("held_out, basis_images and max_attempts must be at least 1")


def _check_regularizer(given: Regularizer | None) -> None:
    values = given if isinstance(given, tuple) else (0.0 if given is None else given,)
    if not all(isinstance(value, int | float) and 0.0 <= value < math.inf for value in values):
        raise ConfigError(f"the regularizer must be finite, 0 or more, got {given}")


def _check_weights(weights: AutoencoderWeights | StylizationWeights) -> None:
    require_types(weights)
    if not all(0.0 <= each < math.inf for each in asdict(weights).values()):
        raise ConfigError("loss weights must be finite, 0 or more")
