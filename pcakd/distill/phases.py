"""One phase of one block pair: what is trained, on which loss, and how it is set up.

A student's block pair goes through the phases ``encoder`` and ``pair``; the decoder of an encoder
that stays as it is (`pcakd.distill.decoders`) goes through ``decoder`` alone.
"""

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass

import torch
from torch import Tensor

from pcakd.backbones import Backbone
from pcakd.blocks import Autoencoder, ConvLayer, Source
from pcakd.distill.losses import squared_error, subspace_error, variance
from pcakd.distill.norms import (
    catch,
    measure_moments,
    prepare_layers,
    standardize,
    start_norm,
    surround_as_is,
)
from pcakd.distill.recipe import PhaseName
from pcakd.distill.regression import fit_layer
from pcakd.eigenbases import Eigenbasis

_CALIBRATION_BATCHES = 4
_REGRESSION_BATCHES = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """What every phase works with.

    Attributes:
        student: Being trained; blocks before the current one are finished.
        teacher: The (normalised) backbone, in the precision that suits the device: it sets the
            coefficients to learn, and compares pictures.
        eigenbases: One a tap, on the device; none where only decoders are trained.
        tap_offset: Start of the batch norm before a tap's ReLU, in standard deviations.
        mirrors: Whether decoders start from regressions on the encoder's maps.
    """

    student: Autoencoder
    teacher: Backbone
    eigenbases: Sequence[Eigenbasis]
    tap_offset: float
    mirrors: bool = False


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
        start_norm(self.layers[-1], scale=scale, offset=self.setting.tap_offset * scale)
        standardize(self.layers[0], lambda x: encode(self.setting, self.block, x), images)

    def restore(self) -> None:
        """Surround the layers by what a checkpoint of this phase holds."""
        prepare_layers(self.layers)

    def precision(self) -> AbstractContextManager[object]:
        """Return the context of a training step: the student stays in float32."""
        return nullcontext()

    def losses(self, image: Tensor) -> dict[str, Tensor]:
        """Return the loss terms of a batch, each a share of its target's variance."""
        with torch.no_grad():
            teacher = self.setting.teacher(image, last_tap=self.block)[-1]
        features = encode(self.setting, self.block, image).features
        return {"a": subspace_share(self.setting, self.block, features, teacher)}


class DecoderPhase:
    """Trains decoder block b on the losses (b), (c) and (d); the encoder stays as it is.

    A decoder that mirrors its encoder starts from regressions (`pcakd.distill.regression`),
    surrounded by norms that leave them as they are; another one starts from random weights.
    """

    name: PhaseName = "decoder"

    def __init__(self, setting: Setting, block: int) -> None:
        self.setting = setting
        self.block = block
        self.live_layers = setting.student.decoder.layers(block)
        self.layers = self.live_layers
        self.scales: dict[str, float] = {}
        self.mirrors = setting.mirrors
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
        prepare_layers(self.live_layers, all_inputs=self.mirrors)

    def precision(self) -> AbstractContextManager[object]:
        """Return the context of a training step: bfloat16 where a device gains by it."""
        device = self.live_layers[0].conv.weight.device
        dtype = teacher_dtype(device)
        return torch.autocast(device.type, dtype, enabled=dtype != torch.float32)

    @torch.no_grad()
    def _regress(self, images: Sequence[Tensor]) -> None:
        """Fit layer after layer to the encoder's maps, each to what those before it make."""
        for index, layer in enumerate(self.live_layers):
            fit_layer(layer, self._regression_pairs(images, index))
        for layer in self.live_layers:
            few = images[:_CALIBRATION_BATCHES]
            surround_as_is(layer, torch.cat([self._reaching(layer, image) for image in few]))

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

    def _reaching(self, layer: ConvLayer, image: Tensor) -> Tensor:
        return catch(layer, lambda: self._decode(encode(self.setting, self.block, image)))

    def losses(self, image: Tensor) -> dict[str, Tensor]:
        """Return the loss terms of a batch, each a share of its target's variance."""
        with torch.no_grad():
            encoded = encode(self.setting, self.block, image)
        return self._decoder_losses(encoded, None)

    def _decoder_losses(self, encoded: "Encoded", teacher: Tensor | None) -> dict[str, Tensor]:
        """Return the losses (b) to (d); the teacher's features are those of the image."""
        image = encoded.image
        decoded = self._decode(encoded)
        picture = self._to_image(decoded, encoded)
        terms = {"b": squared_error(picture, image) / self.scales["b"]}
        if self.block > 1:
            # an encoder that stays as it is is the teacher
            wanted = encoded.features if teacher is None else teacher
            seen = self.setting.teacher(picture, last_tap=self.block)[-1]
            terms["c"] = squared_error(decoded, encoded.target) / self.scales["c"]
            terms["d"] = squared_error(seen, wanted) / self.scales["d"]
        return terms

    def _power(self, images: Sequence[Tensor]) -> float:
        return float(variance(torch.cat([self._teach(image) for image in images])))

    def _teach(self, image: Tensor) -> Tensor:
        with torch.no_grad():
            features: Tensor = self.setting.teacher(image, last_tap=self.block)[-1]
        return features

    def _decode(self, encoded: "Encoded") -> Tensor:
        return self.setting.student.decode_block(self.block, encoded.features, encoded.sources[-1])

    def _to_image(self, decoded: Tensor, encoded: "Encoded") -> Tensor:
        for block in range(self.block - 1, 0, -1):
            source = encoded.sources[block - 1]
            decoded = self.setting.student.decode_block(block, decoded, source)
        return decoded


class PairPhase(DecoderPhase):
    """Trains encoder and decoder block b together on the losses (a) to (d).

    The encoder keeps its batch statistics from the phase before, so that it moves but slowly.
    """

    name: PhaseName = "pair"

    def __init__(self, setting: Setting, block: int) -> None:
        super().__init__(setting, block)
        self.layers = [*setting.student.encoder_layers(block), *self.live_layers]

    def losses(self, image: Tensor) -> dict[str, Tensor]:
        """Return the loss terms of a batch, each a share of its target's variance."""
        teacher = self._teach(image)
        encoded = encode(self.setting, self.block, image)
        own = {"a": subspace_share(self.setting, self.block, encoded.features, teacher)}
        return own | self._decoder_losses(encoded, teacher)

    def _power(self, images: Sequence[Tensor]) -> float:
        """Return the variance of all photographs that the eigenbasis was fitted on."""
        return float(self.setting.eigenbases[self.block - 1].eigenvalues.sum())


Phase = EncoderPhase | DecoderPhase


@dataclass(frozen=True, slots=True, kw_only=True)
class Encoded:
    """What an encoder makes of images, up to the block in training.

    Attributes:
        image: The images.
        target: What decoder block b is to lead back to: the tap before, or the image.
        features: At tap b.
        sources: What decoder blocks 1 to b take from the encoder.
    """

    image: Tensor
    target: Tensor
    features: Tensor
    sources: Sequence[Source]


def encode(setting: Setting, block: int, image: Tensor) -> Encoded:
    """Encode images up to block 1 to 4; only that block has gradients."""
    with torch.no_grad():
        taps, sources = setting.student.encode_with_sources(image, last_block=block - 1)
    target = taps[-1] if taps else image
    features, source = setting.student.encode_block(block, target)
    return Encoded(image=image, target=target, features=features, sources=[*sources, source])


def subspace_share(setting: Setting, block: int, features: Tensor, teacher: Tensor) -> Tensor:
    """Return loss (a) as a share of the teacher's variance at the tap.

    What the eigenbasis leaves out is added as a constant, so that 1 minus the loss is the R².
    """
    basis = setting.eigenbases[block - 1]
    total = float(basis.eigenvalues.sum())
    beyond = float(basis.eigenvalues[basis.rank :].sum())
    return (subspace_error(features, teacher, basis.basis) + beyond) / total


def create_phase(name: PhaseName, setting: Setting, block: int) -> Phase:
    """Build a phase of block 1 to 4 by its name."""
    match name:
        case "encoder":
            return EncoderPhase(setting, block)
        case "pair":
            return PairPhase(setting, block)
        case "decoder":
            return DecoderPhase(setting, block)


def teacher_dtype(device: torch.device) -> torch.dtype:
    """Return the precision of the frozen teacher in training: bfloat16 where a device gains by it.

    The student stays in float32: it is a tenth of the work.
    """
    if device.type == "cuda":
        return (
            torch.bfloat16
            if torch.cuda.is_bf16_supported(including_emulation=False)
            else torch.float32
        )
    native = getattr(torch.cpu, "_is_avx512_bf16_supported", lambda: False)
    return torch.bfloat16 if device.type == "cpu" and native() else torch.float32
