"""The autoencoder phase: the decoder learns to give pictures back, and the encoder to let it."""

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import torch
from torch import Tensor

from pcakd.blocks import Autoencoder, ConvLayer
from pcakd.distillation.context import TAPS, Setting, decode_to_image, name_taps, tap_shares
from pcakd.distillation.health import examine_taps, require_image
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
    """Trains the decoder on pictures and features, and the encoder along with it, slowly.

    Source: Chiu and Gurari, CVPR 2022, section 3.3, losses (a), (b) and (c). Departures: all blocks
    train together, and a picture is to come back from each tap. A decoder block that gets a tap
    without the colours in it cannot bring them back, so the encoder moves too; the teacher's taps
    hold little of them.
    """

    calibration_batches = CALIBRATION_BATCHES
    keeps_start = True
    live_share = 0.0  # statistics of a few crops would take absolute values away from pictures

    def __init__(self, setting: Setting, recipe: Recipe) -> None:
        self.setting = setting
        self.recipe = recipe
        student = setting.student
        self.blocks = [student.decoder.layers(block) for block in TAPS]
        self._decoder = [layer for block in self.blocks for layer in block]
        encoder = [layer for block in TAPS for layer in student.encoder_layers(block)]
        self.layers: Sequence[ConvLayer] = [*self._decoder, *encoder]
        self.scales: dict[str, float] = {}

    def prepare(self, images: Sequence[Tensor]) -> None:
        """Surround the decoder by norms that start from the moments of features and targets."""
        for layers in self.blocks:
            prepare_layers(layers)
        student = self.setting.student
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
        """Build what trains the layers, the encoder's at a share of the rate."""
        for group in groups[len(self._decoder) :]:
            group["share"] = self.recipe.settled_share
        return create_adam(groups)

    def precision(self) -> AbstractContextManager[object]:
        """Return the context of a training step: the student stays in float32."""
        return nullcontext()

    def losses(self, images: Tensor) -> dict[str, Tensor]:
        """Return the errors of taps, of decoded features and of pictures, as shares of variance."""
        student = self.setting.student
        with torch.no_grad():
            teacher = self.setting.teacher(images)
        taps, sources = student.encode_with_sources(images)
        terms = name_taps(tap_shares(self.setting, taps, teacher))
        for block in TAPS:
            decoded = student.decode_block(block, taps[block - 1], sources[block - 1])
            if block > 1:
                name = f"decoder{block}"
                goal = taps[block - 2].detach()
                terms[name] = squared_error(decoded, goal) / self.scales[name]
            picture = decode_to_image(student, decoded, sources[: block - 1])
            terms[f"image{block}"] = squared_error(picture, images) / self.scales["decoder1"]
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
        """Leave gradients as they are: norms surround the decoder."""

    def redraw(self, fresh: Autoencoder) -> None:
        """Take the decoder's weights from another student; the encoder goes back to its start."""
        for block, own in zip(TAPS, self.blocks, strict=True):
            copy_weights(fresh.decoder.layers(block), own)

    def finish(self) -> None:
        """Leave the norms, whose statistics are frozen already."""

    def examine(self, batches: Sequence[Tensor]) -> dict[str, Any]:
        """Report the taps, the held-out losses, and the error of pictures by tap.

        Raises:
            CollapseError: A tap has lost its teacher, or a picture that comes back from tap 1 keeps
                too much of its variance as error.
        """
        with torch.inference_mode():
            losses = mean_terms([self.losses(batch) for batch in batches])
        require_image(losses["image1"])
        return {
            "taps": examine_taps(self.setting, self.recipe, batches),
            "held_out_losses": losses,
            "scales": dict(self.scales),
        }

    def draw_sheet(self, images: Tensor) -> Tensor | None:
        """Return photographs above their reconstructions from tap 4."""
        with torch.inference_mode():
            decoded: Tensor = self.setting.student.reconstruct(images)
        return torch.stack((images, decoded.clamp(0.0, 1.0)))
