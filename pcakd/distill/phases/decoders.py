"""The decoders phase: each decoder block learns to lead from its tap back to the one before."""

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import torch
from torch import Tensor

from pcakd.blocks import Autoencoder, ConvLayer
from pcakd.distill.health import require_image
from pcakd.distill.losses import squared_error, variance
from pcakd.distill.norms import (
    follow_batches,
    measure_moments,
    prepare_layers,
    standardize,
    start_norm,
)
from pcakd.distill.phases.interface import (
    CALIBRATION_BATCHES,
    ParameterGroups,
    copy_weights,
    create_adam,
    mean_terms,
)
from pcakd.distill.setting import TAPS, Setting


class DecodersPhase:
    """Trains all decoder blocks on features that the encoder makes; the encoder stays as it is.

    Source: Chiu and Gurari, CVPR 2022, section 3.3, losses (b) and (c). Departures: each block
    has the loss of its own output alone, so that all of them train together; the picture that the
    whole chain makes is the business of the stylization phase.
    """

    calibration_batches = CALIBRATION_BATCHES
    keeps_start = False

    def __init__(self, setting: Setting) -> None:
        self.setting = setting
        self.blocks = [setting.student.decoder.layers(block) for block in TAPS]
        self.layers: Sequence[ConvLayer] = [layer for block in self.blocks for layer in block]
        self.scales: dict[str, float] = {}

    def prepare(self, images: Sequence[Tensor]) -> None:
        """Surround the layers by norms that start from the moments of features and targets."""
        self.restore()
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

    def restore(self) -> None:
        """Surround the layers by what a checkpoint of this phase holds."""
        for block in self.blocks:
            prepare_layers(block)

    def create_optimizer(self, groups: ParameterGroups) -> torch.optim.Optimizer:
        """Build what trains the layers."""
        return create_adam(groups)

    def precision(self) -> AbstractContextManager[object]:
        """Return the context of a training step: the student stays in float32."""
        return nullcontext()

    def losses(self, images: Tensor) -> dict[str, Tensor]:
        """Return each block's error as a share of its target's variance."""
        student = self.setting.student
        with torch.no_grad():
            taps, sources = student.encode_with_sources(images)
        targets = [images, *taps[:-1]]
        terms = {}
        for block in TAPS:
            name = f"decoder{block}"
            decoded = student.decode_block(block, taps[block - 1], sources[block - 1])
            terms[name] = squared_error(decoded, targets[block - 1]) / self.scales[name]
        return terms

    def total(self, terms: Mapping[str, Tensor]) -> Tensor:
        """Return the sum of all blocks' losses."""
        return torch.stack(list(terms.values())).sum()

    def limit_gradients(self) -> None:
        """Leave gradients as they are: norms surround the layers."""

    def redraw(self, fresh: Autoencoder) -> None:
        """Take the decoder's weights from another student."""
        for block, own in zip(TAPS, self.blocks, strict=True):
            copy_weights(fresh.decoder.layers(block), own)

    def finish(self) -> None:
        """Fold the norms into the decoder."""
        follow_batches(self.layers, live=False)
        for layer in self.layers:
            layer.fold()

    def examine(self, batches: Sequence[Tensor]) -> dict[str, Any]:
        """Report the held-out losses, and the error of a picture that comes back from tap 4.

        Raises:
            CollapseError: A picture that comes back from tap 1 keeps too much of its variance as
                error.
        """
        with torch.inference_mode():
            losses = mean_terms([self.losses(batch) for batch in batches])
            image = reconstruction_error(self.setting.student, batches)
        require_image(losses["decoder1"])
        return {"held_out_losses": losses, "image": image, "scales": dict(self.scales)}

    def draw_sheet(self, images: Tensor) -> Tensor | None:
        """Return photographs above their reconstructions from tap 4."""
        with torch.inference_mode():
            decoded: Tensor = self.setting.student(images)
        return torch.stack((images, decoded.clamp(0.0, 1.0)))


def reconstruction_error(student: Autoencoder, batches: Sequence[Tensor]) -> float:
    """Return what pictures that come back from tap 4 keep of their variance as error."""
    left = total = 0.0
    with torch.inference_mode():
        for batch in batches:
            left += float(squared_error(student(batch), batch)) * len(batch)
            total += float(variance(batch)) * len(batch)
    return left / total
