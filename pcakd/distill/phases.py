"""One phase of one block pair: what is trained, on which loss, and how it is set up.

A student's block pair goes through the phases ``encoder`` and ``pair``; the decoder of an encoder
that stays as it is (`pcakd.distill.decoders`) goes through ``decoder`` alone.
"""

from collections.abc import Collection, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import torch
from torch import Tensor

from pcakd.distill.losses import squared_error, variance
from pcakd.distill.natural import NaturalGradient
from pcakd.distill.norms import (
    catch,
    measure_moments,
    prepare_layers,
    standardize,
    start_norm,
)
from pcakd.distill.recipe import PhaseName
from pcakd.distill.regression import PatchMoments, fit_layer
from pcakd.distill.setting import Encoded, Setting, encode, subspace_share, teacher_dtype

ParameterGroups = Sequence[dict[str, Any]]
"""The parameters of each layer and their share of the rate."""

TERMS = "abcd"
"""The names of the losses."""

_CALIBRATION_BATCHES = 4
_REGRESSION_BATCHES = 32


class EncoderPhase:
    """Trains encoder block b on loss (a) alone: the teacher's principal coefficients at its tap."""

    name: PhaseName = "encoder"
    calibration_batches = _CALIBRATION_BATCHES

    def __init__(self, setting: Setting, block: int) -> None:
        self.setting = setting
        self.block = block
        self.layers = setting.student.encoder_layers(block)
        self.live_layers = self.layers
        self.scales: dict[str, float] = {}

    def prepare(self, images: Sequence[Tensor]) -> None:
        """Surround the layers by norms that start from the eigenvalues and calibration crops."""
        self.restore()
        basis = self.setting.eigenbases[self.block - 1]
        scale = basis.eigenvalues[: basis.rank].sqrt().float()
        tap_offset = self.setting.tap_offset if self.layers[-1].relu else 0.0
        start_norm(self.layers[-1], scale=scale, offset=tap_offset * scale)
        standardize(self.layers[0], lambda x: encode(self.setting, self.block, x), images)

    def restore(self) -> None:
        """Surround the layers by what a checkpoint of this phase holds."""
        prepare_layers(self.layers)

    def create_optimizer(self, groups: ParameterGroups) -> torch.optim.Optimizer:
        """Build what trains the layers."""
        return create_adam(groups)

    def precision(self) -> AbstractContextManager[object]:
        """Return the context of a training step: the student stays in float32."""
        return nullcontext()

    def losses(self, image: Tensor, *, wanted: Collection[str] = TERMS) -> dict[str, Tensor]:
        """Return the loss (a) of a batch as a share of its target's variance."""
        del wanted
        with torch.no_grad():
            teacher = self.setting.teacher(image, last_tap=self.block)[-1]
        features = encode(self.setting, self.block, image).features
        return {"a": subspace_share(self.setting, self.block, features, teacher)}


class DecoderPhase:
    """Trains decoder block b on the losses (b), (c) and (d); the encoder stays as it is.

    A decoder that mirrors its encoder starts from regressions (`pcakd.distill.regression`) and goes
    on from them by natural gradients, without norms; another one starts from random weights.
    """

    name: PhaseName = "decoder"

    def __init__(self, setting: Setting, block: int) -> None:
        self.setting = setting
        self.block = block
        self.live_layers = setting.student.decoder.layers(block)
        self.layers = self.live_layers
        self.scales: dict[str, float] = {}
        self.mirrors = setting.mirrors
        self._moments: list[PatchMoments] = []
        self.calibration_batches = _REGRESSION_BATCHES if self.mirrors else _CALIBRATION_BATCHES

    def prepare(self, images: Sequence[Tensor]) -> None:
        """Measure the targets' variances, and give the decoder's layers a start."""
        few = images[:_CALIBRATION_BATCHES]
        with torch.no_grad():
            target = torch.cat([encode(self.setting, self.block, x).target for x in few])
        self.scales = {
            "b": float(variance(torch.cat(list(few)))),
            "c": float(variance(target)),
            "d": self._power(few),
        }
        if self.mirrors:
            self._regress(images)
            return
        self.restore()
        mean, deviation = measure_moments(target)
        start_norm(self.live_layers[-1], scale=deviation, offset=mean)
        first = self.live_layers[0]
        standardize(first, lambda x: self._decode(encode(self.setting, self.block, x)), few)

    def restore(self) -> None:
        """Surround the layers by what a checkpoint of this phase holds."""
        if not self.mirrors:
            prepare_layers(self.live_layers)

    def create_optimizer(self, groups: ParameterGroups) -> torch.optim.Optimizer:
        """Build what trains the layers; one that starts from regressions knows their patches."""
        if not self.mirrors:
            return create_adam(groups)
        optimizer = NaturalGradient(groups)
        if self._moments:
            optimizer.measure(self._moments)
            self._moments = []
        return optimizer

    def precision(self) -> AbstractContextManager[object]:
        """Return the context of a training step: bfloat16 where a device gains by it."""
        device = self.live_layers[0].conv.weight.device
        dtype = teacher_dtype(device)
        return nullcontext() if dtype == torch.float32 else torch.autocast(device.type, dtype)

    @torch.no_grad()
    def _regress(self, images: Sequence[Tensor]) -> None:
        """Fit layer after layer to the encoder's maps, each to what those before it make."""
        self._moments = [
            fit_layer(layer, self._regression_pairs(images, index))
            for index, layer in enumerate(self.live_layers)
        ]

    def _regression_pairs(
        self, images: Sequence[Tensor], index: int
    ) -> Iterator[tuple[Tensor, Tensor]]:
        """Yield what reaches a layer of the decoder, and the map that it is to make of it."""
        for image in images:
            with self.precision():
                encoded = encode(self.setting, self.block, image)
                wanted = self.setting.student.mirror_targets(self.block, encoded.target)
                reaching = catch(self.live_layers[index], lambda e=encoded: self._decode(e))  # type: ignore[misc]
            yield reaching, wanted[index]

    def losses(self, image: Tensor, *, wanted: Collection[str] = TERMS) -> dict[str, Tensor]:
        """Return the wanted loss terms of a batch, each a share of its target's variance."""
        with torch.no_grad():
            encoded = encode(self.setting, self.block, image)
        return self._decoder_losses(encoded, None, wanted)

    def _decoder_losses(
        self, encoded: Encoded, teacher: Tensor | None, wanted: Collection[str]
    ) -> dict[str, Tensor]:
        """Return the losses (b) to (d); the teacher's features are those of the image."""
        image = encoded.image
        decoded = self._decode(encoded)
        terms = {}
        if self.block > 1:
            terms["c"] = squared_error(decoded, encoded.target) / self.scales["c"]
        if self.block > 1 and not {"b", "d"} & {*wanted}:
            return terms
        picture = self._to_image(decoded, encoded)
        terms["b"] = squared_error(picture, image) / self.scales["b"]
        if self.block > 1 and "d" in wanted:
            # an encoder that stays as it is is the teacher
            goal = encoded.features if teacher is None else teacher
            seen = self.setting.teacher(picture, last_tap=self.block)[-1]
            terms["d"] = squared_error(seen, goal) / self.scales["d"]
        return terms

    def _power(self, images: Sequence[Tensor]) -> float:
        return float(variance(torch.cat([self._teach(image) for image in images])))

    def _teach(self, image: Tensor) -> Tensor:
        with torch.no_grad():
            features: Tensor = self.setting.teacher(image, last_tap=self.block)[-1]
        return features

    def _decode(self, encoded: Encoded) -> Tensor:
        return self.setting.student.decode_block(self.block, encoded.features, encoded.sources[-1])

    def _to_image(self, decoded: Tensor, encoded: Encoded) -> Tensor:
        for block in range(self.block - 1, 0, -1):
            source = encoded.sources[block - 1]
            decoded = self.setting.student.decode_block(block, decoded, source)
        return decoded


class PairPhase(DecoderPhase):
    """Trains encoder and decoder block b together on the losses (a) to (d), in float32.

    The encoder keeps its batch statistics from the phase before, so that it moves but slowly.
    """

    name: PhaseName = "pair"

    def __init__(self, setting: Setting, block: int) -> None:
        super().__init__(setting, block)
        self.layers = [*setting.student.encoder_layers(block), *self.live_layers]

    def precision(self) -> AbstractContextManager[object]:
        """Return the context of a training step: the student stays in float32."""
        return nullcontext()

    def losses(self, image: Tensor, *, wanted: Collection[str] = TERMS) -> dict[str, Tensor]:
        """Return the wanted loss terms of a batch, each a share of its target's variance."""
        teacher = self._teach(image)
        encoded = encode(self.setting, self.block, image)
        own = {"a": subspace_share(self.setting, self.block, encoded.features, teacher)}
        return own | self._decoder_losses(encoded, teacher, wanted)

    def _power(self, images: Sequence[Tensor]) -> float:
        """Return the variance of all photographs that the eigenbasis was fitted on."""
        return float(self.setting.eigenbases[self.block - 1].eigenvalues.sum())


Phase = EncoderPhase | DecoderPhase


def create_adam(groups: ParameterGroups) -> torch.optim.Optimizer:
    """Build the optimiser of layers that norms surround."""
    return torch.optim.Adam(groups, betas=(0.9, 0.99))


def create_phase(name: PhaseName, setting: Setting, block: int) -> Phase:
    """Build a phase of block 1 to 4 by its name."""
    match name:
        case "encoder":
            return EncoderPhase(setting, block)
        case "pair":
            return PairPhase(setting, block)
        case "decoder":
            return DecoderPhase(setting, block)
