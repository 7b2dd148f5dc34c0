"""What a subject is: one entrant of the benchmark, and how it is made ready."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

import torch
from jaxtyping import Float
from torch import Tensor, nn

from bench.baselines import Baseline
from bench.records.schema import NO_TRANSFORM as NO_TRANSFORM  # part of a subject
from bench.records.schema import Precision
from pcakd.errors import ConfigError

Device: TypeAlias = torch.device | str

DEFAULT_TRANSFORM = "zca"


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepared:
    """A subject on a device, ready to be timed.

    Attributes:
        modules: The networks that it runs; none for a colour transfer.
        run: From content and style, both ``3 × h × w`` RGB in [0, 1], to the stylized image.
    """

    modules: tuple[nn.Module, ...]
    run: Baseline

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


@dataclass(frozen=True, slots=True, kw_only=True)
class Variation:
    """Another trade of style for content than a student's own.

    Attributes:
        strength: In [0, 1]: 0 only decodes the content.
        regularizer: Multiple of the student's own λ.
    """

    strength: float = 1.0
    regularizer: float = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """One entrant of the benchmark.

    Attributes:
        name: The name in tables: as given, a student file's stem, and the precision if not fp32.
        transforms: The feature transforms to run it with; ``("none",)`` if it has no choice.
        precision: Arithmetic of the convolutions; statistics and factorisations stay wide.
        has_quality: Whether its pictures mean anything (seeded weights' do not).
        hash: SHA-256 of its weights and shape, or of its name for a colour transfer.
        num_params: Deployed parameters.
        num_eigenbasis_params: Numbers in the eigenbases, which inference does not need.
        build: Makes it on a device for one transform; ``prepare`` is what to call.
        cost_subject: The subject whose cost stands for this one's, which is then not measured.
        regularizers: λ of a trained student at its four taps.
        vary: Makes a trained student with a variation; ``prepare`` is what to call.
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
        """Put the subject on a device; its first transform unless another is named.

        Raises:
            ConfigError: A variation is asked of what is no trained student.
        """
        chosen = transform or self.transforms[0]
        if variation is None:
            return self.build(device, chosen)
        if self.vary is None:
            raise ConfigError(f"{self.name} has no strength and no λ; name a trained student")
        return self.vary(device, chosen, variation)
