"""The encoder phase: all four taps learn the teacher's principal coefficients."""

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from pcakd.blocks import Autoencoder, ConvLayer
from pcakd.coarse_to_fine import TAPS
from pcakd.distillation.context import TrainingContext, name_taps, tap_shares
from pcakd.distillation.health import examine_taps
from pcakd.distillation.norms import follow_batches, measure_moments, prepare_layers, start_norm
from pcakd.distillation.phases.interface import (
    CALIBRATION_BATCHES,
    ParameterGroups,
    copy_weights,
    create_adam,
)
from pcakd.distillation.recipe import Recipe


class EncoderPhase:
    """Trains the encoder on loss (a) at all taps: the teacher's coefficients in its eigenbases.

    Source: Chiu and Gurari, CVPR 2022, section 3.3. Departure: the paper trains block after block.
    Here all blocks train together, so a block also learns what later blocks need.
    """

    calibration_batches = CALIBRATION_BATCHES
    keeps_start = False

    def __init__(self, context: TrainingContext, recipe: Recipe) -> None:
        self.context = context
        self.recipe = recipe
        self.blocks = [context.student.encoder_layers(block) for block in TAPS]
        self.layers: Sequence[ConvLayer] = [layer for block in self.blocks for layer in block]
        self.scales: dict[str, float] = {}
        self.live_share = 1.0 - recipe.frozen_share

    def prepare(self, images: Sequence[Tensor]) -> None:
        """Add norms that start from the eigenvalues and the colours of crops."""
        for block in self.blocks:
            prepare_layers(block)
        mean, deviation = measure_moments(torch.cat(list(images)))
        for block, eigenbasis in zip(self.blocks, self.context.eigenbases, strict=True):
            block[0].standardize_input(mean, deviation)
            deviation = eigenbasis.eigenvalues[: eigenbasis.rank].sqrt().to(mean)
            # principal coefficients are signed, and a ReLU clips the negative ones
            mean = deviation * (self.recipe.tap_offset if block[-1].relu else 0.0)
            start_norm(block[-1], scale=deviation, offset=mean)
            if block[-1].conv.groups > 1 and len(block) > 1:  # depthwise
                ones = torch.ones_like(deviation)
                start_norm(block[-2], scale=ones, offset=self.recipe.tap_offset * ones)

    def create_optimizer(self, groups: ParameterGroups) -> torch.optim.Optimizer:
        """Build the optimiser of the layers."""
        return create_adam(groups)

    def losses(self, images: Tensor) -> dict[str, Tensor]:
        """Return loss (a) at each tap: the share of the teacher's variance that it lacks."""
        with torch.no_grad():
            teacher = self.context.teacher(images)
        taps = self.context.student.encode(images)
        return name_taps(tap_shares(self.context, taps, teacher))

    def total(self, terms: Mapping[str, Tensor]) -> Tensor:
        """Return the sum of all taps' losses."""
        return torch.stack(list(terms.values())).sum()

    def limit_gradients(self) -> None:
        """Do nothing: norms keep the gradients short."""

    def redraw(self, fresh: Autoencoder) -> None:
        """Take the encoder's weights from another student."""
        for block, own in zip(TAPS, self.blocks, strict=True):
            copy_weights(fresh.encoder_layers(block), own)

    def finish(self) -> None:
        """Freeze the norms; the last phase folds them."""
        follow_batches(self.layers, live=False)

    def examine(self, batches: Sequence[Tensor]) -> dict[str, Any]:
        """Report R², its ceiling and dead channels of each tap.

        Raises:
            CollapseError: A tap's R² is too far below its ceiling, or too many channels are dead.
        """
        return {"taps": examine_taps(self.context, self.recipe, batches)}

    def draw_sheet(self, images: Tensor) -> Tensor | None:
        """Return None: an encoder makes no images."""
        del images
        return None
