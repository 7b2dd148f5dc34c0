"""The interface of a training phase: layers, losses and a health check."""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import torch
from torch import Tensor

from pcakd.blocks import Autoencoder, ConvLayer

ParameterGroups = Sequence[dict[str, Any]]
"""One optimiser group per layer, with its parameters."""

CALIBRATION_BATCHES = 4
"""Batches that measure the scales of features, unless a phase sets another number."""


class Phase(Protocol):
    """One phase of a training.

    Attributes:
        layers: The layers to train.
        scales: Divisors of the losses, measured at the start.
        calibration_batches: Number of batches that :meth:`prepare` needs.
        keeps_start: Whether a restart restores the weights from the start of the phase. Otherwise
            it draws fresh ones.
        live_share: Share of the steps, from the start, in which batch norms use the statistics of
            their batches.
    """

    layers: Sequence[ConvLayer]
    scales: dict[str, float]
    calibration_batches: int
    keeps_start: bool
    live_share: float

    def prepare(self, images: Sequence[Tensor]) -> None:
        """Initialise the layers from batches of crops that no step uses."""

    def create_optimizer(self, groups: ParameterGroups) -> torch.optim.Optimizer:
        """Build the optimiser of the layers."""

    def losses(self, images: Tensor) -> dict[str, Tensor]:
        """Return the loss terms of a batch, each a mean over its images."""

    def total(self, terms: Mapping[str, Tensor]) -> Tensor:
        """Return the weighted sum of loss terms."""

    def limit_gradients(self) -> None:
        """Clip gradients, if the phase does so."""

    def redraw(self, fresh: Autoencoder) -> None:
        """Replace the trained weights by those of a network with other random weights."""

    def finish(self) -> None:
        """Freeze batch statistics, and fold norms of layers that no later phase trains."""

    def examine(self, batches: Sequence[Tensor]) -> dict[str, Any]:
        """Return a report of the phase on held-out crops.

        Raises:
            CollapseError: The result fails the health check.
        """

    def draw_sheet(self, images: Tensor) -> Tensor | None:
        """Return a contact sheet ``(rows, n, 3, s, s)``, or None if there is nothing to show."""


def create_adam(groups: ParameterGroups) -> torch.optim.Optimizer:
    """Build the optimiser of a student's layers."""
    return torch.optim.Adam(groups, betas=(0.9, 0.99))


def copy_weights(source: Sequence[ConvLayer], target: Sequence[ConvLayer]) -> None:
    """Fold the target layers and copy the weights of source layers of the same shapes."""
    for new, old in zip(source, target, strict=True):
        old.fold()
        old.conv.load_state_dict(new.conv.state_dict())


def mean_terms(batches: Sequence[Mapping[str, Tensor]]) -> dict[str, float]:
    """Average loss terms over batches."""
    return {
        name: sum(float(terms[name]) for terms in batches) / len(batches) for name in batches[0]
    }
