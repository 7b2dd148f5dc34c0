"""The autoencoder phase: the decoder learns to reconstruct images."""

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from pcakd.blocks import Autoencoder, ConvLayer
from pcakd.coarse_to_fine import TAPS
from pcakd.distillation.context import (
    TrainingContext,
    decode_to_image,
    name_taps,
    tap_shares,
)
from pcakd.distillation.health import examine_taps, require_reconstruction
from pcakd.distillation.losses.features import squared_error, variance
from pcakd.distillation.norms import (
    calibrate,
    measure_moments,
    prepare_layers,
    standardize,
    start_norm,
)
from pcakd.distillation.phases.interface import (
    CALIBRATION_BATCHES,
    ParameterGroups,
    copy_weights,
    create_adam,
    mean_terms,
)
from pcakd.distillation.recipe import Recipe


class AutoencoderPhase:
    """Trains the decoder on reconstructions and features, and the encoder at a lower rate.

    Source: Chiu and Gurari, CVPR 2022, section 3.3, losses (a), (b) and (c). Departures: all blocks
    train together, and each tap has a reconstruction loss. The encoder trains too, because the
    teacher's taps hold little of the colours and a decoder cannot reconstruct what a tap lacks.
    """

    calibration_batches = CALIBRATION_BATCHES
    keeps_start = True
    live_share = 0.0  # with statistics of a few crops, images would lose their absolute values

    def __init__(self, context: TrainingContext, recipe: Recipe) -> None:
        self.context = context
        self.recipe = recipe
        student = context.student
        self.blocks = [student.decoder.layers(block) for block in TAPS]
        self._decoder = [layer for block in self.blocks for layer in block]
        encoder = [layer for block in TAPS for layer in student.encoder_layers(block)]
        self.layers: Sequence[ConvLayer] = [*self._decoder, *encoder]
        self.scales: dict[str, float] = {}

    def prepare(self, images: Sequence[Tensor]) -> None:
        """Add norms to the decoder that start from the moments of features and targets."""
        for layers in self.blocks:
            prepare_layers(layers)
        student = self.context.student
        crops = torch.cat(list(images))
        with torch.no_grad():
            taps, sources = student.encode_with_sources(crops)
        for block, layers in zip(TAPS, self.blocks, strict=True):
            target = taps[block - 2] if block > 1 else crops
            self.scales[f"decoder{block}"] = float(variance(target))
            mean, deviation = measure_moments(target)
            start_norm(layers[-1], scale=deviation, offset=mean)

            def run(features: Tensor, block: int = block) -> object:
                return student.decode_block(block, features, sources[block - 1])

            standardize(layers[0], run, [taps[block - 1]])
            calibrate(layers, lambda run=run, tap=taps[block - 1]: run(tap))  # type: ignore[misc]

    def create_optimizer(self, groups: ParameterGroups) -> torch.optim.Optimizer:
        """Build the optimiser; the encoder has a share of the learning rate."""
        for group in groups[len(self._decoder) :]:
            group["share"] = self.recipe.settled_share
        return create_adam(groups)

    def losses(self, images: Tensor) -> dict[str, Tensor]:
        """Return the errors of taps, features and reconstructions, as shares of variance."""
        student = self.context.student
        with torch.no_grad():
            teacher = self.context.teacher(images)
        taps, sources = student.encode_with_sources(images)
        terms = name_taps(tap_shares(self.context, taps, teacher))
        for block in TAPS:
            decoded = student.decode_block(block, taps[block - 1], sources[block - 1])
            if block > 1:
                name = f"decoder{block}"
                goal = taps[block - 2].detach()
                terms[name] = squared_error(decoded, goal) / self.scales[name]
            image = decode_to_image(student, decoded, sources[: block - 1])
            terms[f"image{block}"] = squared_error(image, images) / self.scales["decoder1"]
        return terms

    def total(self, terms: Mapping[str, Tensor]) -> Tensor:
        """Return the weighted sum of all losses."""
        weights = self.recipe.autoencoder_weights
        return (
            weights.taps * torch.stack([terms[f"tap{tap}"] for tap in TAPS]).sum()
            + weights.features * torch.stack([terms[f"decoder{b}"] for b in TAPS[1:]]).sum()
            + weights.image * torch.stack([terms[f"image{block}"] for block in TAPS]).sum()
        )

    def limit_gradients(self) -> None:
        """Do nothing: norms keep the gradients short."""

    def redraw(self, fresh: Autoencoder) -> None:
        """Take the decoder's weights from another student; the encoder keeps its weights."""
        for block, own in zip(TAPS, self.blocks, strict=True):
            copy_weights(fresh.decoder.layers(block), own)

    def finish(self) -> None:
        """Do nothing: the statistics of the norms are frozen already."""

    def examine(self, batches: Sequence[Tensor]) -> dict[str, Any]:
        """Report the taps and the held-out losses.

        Raises:
            CollapseError: A tap fails the health check, or the reconstruction error from tap 1 is
                too large.
        """
        with torch.inference_mode():
            losses = mean_terms([self.losses(batch) for batch in batches])
        require_reconstruction(losses["image1"])
        return {
            "taps": examine_taps(self.context, self.recipe, batches),
            "held_out_losses": losses,
            "scales": dict(self.scales),
        }

    def draw_sheet(self, images: Tensor) -> Tensor | None:
        """Return photographs above their reconstructions from tap 4."""
        with torch.inference_mode():
            decoded: Tensor = self.context.student.reconstruct(images)
        return torch.stack((images, decoded.clamp(0.0, 1.0)))
