"""A student: a thin autoencoder with its eigenbases and card."""

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from pcakd.blocks import Autoencoder, Regularizer
from pcakd.errors import ConfigError
from pcakd.inputs import Photograph
from pcakd.pipeline import stylize
from pcakd.students.spec import StudentSpec, decoder_blocks, encoder_blocks
from pcakd.styles import Style


class Student(Autoencoder):
    """A thin autoencoder with four taps, which stylizes when it is called.

    Attributes:
        spec: Its family and widths.
        encoder: Four encoder blocks.
        decoder: Four decoder blocks.
        regularizer: λ of the feature transform, in the scale of this student's features: one for
            all taps, or four.
        colour_transfer: Strength, in [0, 1], of the colour transfer that ends a stylization.
        eigenbases: The C × k bases of the teacher that it was trained with; empty if there were
            none.
        channel_means: Means by which the teacher's taps were divided (Gatys' normalisation), one
            vector a tap; empty if the teacher is not normalised.
        card: Its origin: teacher, data, losses, results, licences.

    Convention:
        Images are RGB in [0, 1]; pre-processing is part of the first convolution.
    """

    def __init__(
        self,
        spec: StudentSpec,
        *,
        regularizer: Regularizer = 1.0,
        colour_transfer: float = 0.0,
        eigenbases: Sequence[Tensor] = (),
        channel_means: Sequence[Tensor] = (),
        card: Mapping[str, Any] | None = None,
    ) -> None:
        values = regularizer if isinstance(regularizer, tuple) else (regularizer,) * 4
        if len(values) != 4 or not all(0.0 <= value < float("inf") for value in values):
            raise ConfigError(
                "the regularizer must be one number or four, finite and not negative, got "
                f"{regularizer}"
            )
        if not 0.0 <= colour_transfer <= 1.0:
            raise ConfigError(f"the colour transfer must lie in [0, 1], got {colour_transfer}")
        super().__init__(
            encoder_blocks(spec),
            decoder_blocks(spec),
            stride=spec.stride,
            regularizer=regularizer,
            colour_transfer=colour_transfer,
        )
        self.spec = spec
        self.eigenbases = tuple(eigenbases)
        self.channel_means = tuple(channel_means)
        self.card: dict[str, Any] = dict(card or {})

    def forward(
        self,
        content: Photograph,
        style: Photograph | Style | Sequence[Style],
        *,
        transform: str = "zca",
        strength: float = 1.0,
    ) -> Float[Tensor, "*b 3 h w"]:
        """Give photographs the style of another one: ``pcakd.stylize(self, content, style)``.

        Args:
            content: RGB in [0, 1], ``(3, h, w)`` or ``(b, 3, h, w)``, at least 16 × 16.
            style: The same, of any other size; or a `pcakd.Style`.
            transform: ``zca``, ``ot`` or ``adain``.
            strength: From 0 (reconstruct the content) to 1 (take the whole style).

        Returns:
            RGB in [0, 1], of the shape of ``content``.

        Raises:
            PcakdError: An input does not make sense; see `pcakd.stylize`.
        """
        return stylize(self, content, style, transform=transform, strength=strength)

    @property
    def num_eigenbasis_params(self) -> int:
        """Number of values in the eigenbases, which inference does not need."""
        return sum(basis.numel() for basis in self.eigenbases)


def create_student(
    spec: StudentSpec,
    *,
    seed: int = 0,
    regularizer: Regularizer = 1.0,
    colour_transfer: float = 0.0,
) -> Student:
    """Build a student with seeded random weights, without touching the global generator."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return Student(spec, regularizer=regularizer, colour_transfer=colour_transfer)
