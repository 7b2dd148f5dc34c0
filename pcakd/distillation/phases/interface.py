"""What every phase of a training is: layers, losses, and a check of what came of it."""

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any, Protocol

import torch
from torch import Tensor

from pcakd.blocks import Autoencoder, ConvLayer

ParameterGroups = Sequence[dict[str, Any]]
"""The parameters of each layer."""

CALIBRATION_BATCHES = 4
"""Batches that measure the scales of features, unless a phase wants more."""


class Phase(Protocol):
    """One phase of a training.

    Attributes:
        layers: What is trained.
        scales: What losses are divided by, measured at the start.
        calibration_batches: How many batches :meth:`prepare` takes.
        keeps_start: Whether a restart goes back to the weights that the phase began with, and not
            to fresh ones.
        live_share: Share of the steps, at the start, in which norms follow their batches.
    """

    layers: Sequence[ConvLayer]
    scales: dict[str, float]
    calibration_batches: int
    keeps_start: bool
    live_share: float

    def prepare(self, images: Sequence[Tensor]) -> None:
        """Give the layers their start, from batches of crops that no step sees."""

    def create_optimizer(self, groups: ParameterGroups) -> torch.optim.Optimizer:
        """Build what trains the layers."""

    def precision(self) -> AbstractContextManager[object]:
        """Return the context of a training step."""

    def losses(self, images: Tensor) -> dict[str, Tensor]:
        """Return the loss terms of a batch, each a mean over its images."""

    def total(self, terms: Mapping[str, Tensor]) -> Tensor:
        """Return the weighted sum of loss terms."""

    def limit_gradients(self) -> None:
        """Shorten gradients that are too long, where the phase wants it."""

    def redraw(self, fresh: Autoencoder) -> None:
        """Take the weights of what is trained from a network with other random ones."""

    def finish(self) -> None:
        """Freeze statistics, and fold what surrounds layers that no later phase trains."""

    def examine(self, batches: Sequence[Tensor]) -> dict[str, Any]:
        """Report on held-out crops what came of the phase.

        Raises:
            CollapseError: Nothing that is worth going on from.
        """

    def draw_sheet(self, images: Tensor) -> Tensor | None:
        """Return pictures for people, rows of squares ``(rows, n, 3, s, s)``, if there are any."""


def create_adam(groups: ParameterGroups) -> torch.optim.Optimizer:
    """Build the optimiser of a student's layers."""
    return torch.optim.Adam(groups, betas=(0.9, 0.99))


def copy_weights(source: Sequence[ConvLayer], target: Sequence[ConvLayer]) -> None:
    """Fold layers, and give them the weights of others of the same shapes."""
    for new, old in zip(source, target, strict=True):
        old.fold()
        old.conv.load_state_dict(new.conv.state_dict())


def mean_terms(batches: Sequence[Mapping[str, Tensor]]) -> dict[str, float]:
    """Average loss terms over batches."""
    return {
        name: sum(float(terms[name]) for terms in batches) / len(batches) for name in batches[0]
    }
