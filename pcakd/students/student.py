"""A student: encoder, decoder, and what stylization needs to know of them."""

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn

from pcakd.errors import ConfigError
from pcakd.students.decoder import Decoder
from pcakd.students.encoder import Encoder
from pcakd.students.spec import StudentSpec


class Student(nn.Module):
    """A thin autoencoder with four taps.

    Attributes:
        spec: Its family and widths.
        encoder: Four encoder blocks.
        decoder: Four decoder blocks.
        regularizer: λ of the feature transform, in the scale of this student's features.
        eigenbases: The C × k bases that it was distilled through; empty if it was not.
        channel_means: What the teacher's taps were divided by (Gatys' normalisation), one vector a
            tap; empty if the teacher is not normalised.
        card: Where it comes from: teacher, data, losses, scores, licences.

    Convention:
        Images are RGB in [0, 1]; pre-processing is part of the first convolution.
    """

    def __init__(
        self,
        spec: StudentSpec,
        *,
        regularizer: float = 1.0,
        eigenbases: Sequence[Tensor] = (),
        channel_means: Sequence[Tensor] = (),
        card: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__()
        if not 0.0 <= regularizer < float("inf"):
            raise ConfigError(f"the regularizer must be finite and not negative, got {regularizer}")
        self.spec = spec
        self.encoder = Encoder(spec)
        self.decoder = Decoder(spec)
        self.regularizer = regularizer
        self.eigenbases = tuple(eigenbases)
        self.channel_means = tuple(channel_means)
        self.card: dict[str, Any] = dict(card or {})

    @property
    def num_params(self) -> int:
        """Deployed parameters: encoder and decoder, without the eigenbases."""
        return sum(parameter.numel() for parameter in self.parameters())

    @property
    def num_eigenbasis_params(self) -> int:
        """Numbers in the eigenbases, which inference does not need."""
        return sum(basis.numel() for basis in self.eigenbases)

    def encode(self, image: Float[Tensor, "b 3 h w"]) -> list[Tensor]:
        """Return the features at taps 1 to 4; sizes must be multiples of ``spec.stride``."""
        taps: list[Tensor] = self.encoder(image)
        return taps

    def decode_block(self, block: int, features: Tensor, source: Tensor) -> Tensor:
        """Decode tap ``block`` to what its encoder block read; see :class:`Decoder`."""
        return self.decoder.decode_block(block, features, source)

    def forward(self, image: Float[Tensor, "b 3 h w"]) -> Float[Tensor, "b 3 h w"]:
        """Reconstruct an image from its tap 4 (not clipped)."""
        sources = [image, *self.encode(image)]
        features = sources[-1]
        for block in range(4, 0, -1):
            features = self.decode_block(block, features, sources[block - 1])
        return features


def create_student(spec: StudentSpec, *, seed: int = 0, regularizer: float = 1.0) -> Student:
    """Build a student with seeded random weights, without touching the global generator."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return Student(spec, regularizer=regularizer)
