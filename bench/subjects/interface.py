"""Subjects: the models and methods under test."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

import torch
from jaxtyping import Float
from torch import Tensor, nn

from bench.baselines import Baseline
from bench.records.schema import NO_TRANSFORM as NO_TRANSFORM  # part of a subject
from bench.records.schema import MetricName, Precision
from pcakd.errors import ConfigError

Device: TypeAlias = torch.device | str

DEFAULT_TRANSFORM = "zca"


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepared:
    """A subject on a device, ready to be timed.

    Attributes:
        modules: The networks that it runs; none for a colour transfer.
        run: From content and style, both ``3 × h × w`` RGB in [0, 1], to the stylized image.
        untiled: The same with networks on whole maps, for counting; None if ``run`` has no tiles.
    """

    modules: tuple[nn.Module, ...]
    run: Baseline
    untiled: Baseline | None = None

    def __call__(
        self, content: Float[Tensor, "1 3 h w"], style: Float[Tensor, "1 3 h2 w2"]
    ) -> Float[Tensor, "1 3 h w"]:
        """Stylize.

        Args:
            content: RGB in [0, 1], float32, on the device of the subject.
            style: RGB in [0, 1], float32, on the same device, of any size.

        Returns:
            RGB clipped to [0, 1], float32, of the size of the content.
        """
        return self.run(content[0], style[0])[None]

    def run_untiled(
        self, content: Float[Tensor, "1 3 h w"], style: Float[Tensor, "1 3 h2 w2"]
    ) -> Float[Tensor, "1 3 h w"]:
        """Stylize with networks on whole maps, whose operators are those of the architecture.

        Tiles overlap, so that counting their operators would count more.
        """
        run = self.untiled or self.run
        return run(content[0], style[0])[None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Variation:
    """A trade-off of style and content other than the student's default.

    Attributes:
        strength: In [0, 1]; 0 only reconstructs the content.
        regularizer: Multiple of the student's own λ.
    """

    strength: float = 1.0
    regularizer: float = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """A model or method under test.

    Attributes:
        name: The name in tables: as given, a student file's stem, and the precision if not fp32.
        transforms: The feature transforms to run it with; ``("none",)`` for a colour transfer.
        precision: Arithmetic of the convolutions; statistics and factorisations stay wide.
        has_quality: Whether to score its images; networks of seeded weights are timed only.
        hash: SHA-256 of its weights and shape, or of its name for a colour transfer.
        num_params: Deployed parameters.
        num_eigenbasis_params: Parameters of the eigenbases, which inference does not need.
        build: Puts it on a device for one transform; call ``prepare`` instead.
        cost_subject: Another subject of the same cost, which is measured in its place.
        regularizers: λ of a trained student at its four taps.
        vary: Puts a trained student with a variation on a device; call ``prepare`` instead.
        trained_metrics: Metrics whose formulas a student was trained on.
        history: File of the losses of a student's training, if there is one.
    """

    name: str
    transforms: tuple[str, ...]
    precision: Precision
    has_quality: bool
    hash: str
    num_params: int
    num_eigenbasis_params: int
    build: Callable[[Device, str], Prepared]
    cost_subject: str | None = None
    regularizers: tuple[float, ...] | None = None
    trained_metrics: tuple[MetricName, ...] = ()
    vary: Callable[[Device, str, Variation], Prepared] | None = None
    history: Path | None = None

    @property
    def has_cost(self) -> bool:
        """Whether its cost is measured."""
        return self.cost_subject is None

    def prepare(
        self,
        device: Device = "cpu",
        *,
        transform: str | None = None,
        variation: Variation | None = None,
    ) -> Prepared:
        """Put the subject on a device.

        Args:
            device: The device.
            transform: The feature transform; None is the subject's first.
            variation: A trade-off of a trained student.

        Raises:
            ConfigError: The subject is not a trained student and has no variations.
        """
        chosen = transform or self.transforms[0]
        if variation is None:
            return self.build(device, chosen)
        if self.vary is None:
            raise ConfigError(f"{self.name} has no strength and no λ; name a trained student")
        return self.vary(device, chosen, variation)
