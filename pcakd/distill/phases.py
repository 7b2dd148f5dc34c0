"""One phase of one block pair: what is trained, on which loss, and how it is set up."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from pcakd.backbones import Backbone
from pcakd.distill.losses import squared_error, subspace_error, variance
from pcakd.eigenbases import Eigenbasis
from pcakd.students import Student
from pcakd.students.layers import ConvLayer


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """What every phase works with.

    Attributes:
        student: Being trained; blocks before the current one are finished.
        teacher: The (normalised) backbone, in the precision that suits the device.
        eigenbases: One a tap, on the device.
        loss_weights: Of the losses b, c and d.
        tap_offset: Start of the batch norm before a tap's ReLU, in standard deviations.
    """

    student: Student
    teacher: Backbone
    eigenbases: Sequence[Eigenbasis]
    loss_weights: tuple[float, float, float]
    tap_offset: float


class EncoderPhase:
    """Trains encoder block b on loss (a): the teacher's principal coefficients at its tap."""

    name = "encoder"

    def __init__(self, setting: Setting, block: int) -> None:
        self.setting = setting
        self.block = block
        self.layers = setting.student.encoder.layers(block)
        basis = setting.eigenbases[block - 1]
        # what an error is a share of: the teacher's whole variance at the tap
        self._total = float(basis.eigenvalues.sum())
        # what the student cannot reach; part of the paper's loss (a), so that logs agree with it
        self._unreachable = float(basis.eigenvalues[basis.rank :].sum())

    def prepare(self, images: Iterable[Tensor]) -> None:
        """Start the norms from the eigenvalues and from calibration crops."""
        basis = self.setting.eigenbases[self.block - 1]
        scale = basis.eigenvalues[: basis.rank].sqrt().float()
        _start_norm(self.layers[-1], scale=scale, offset=self.setting.tap_offset * scale)
        _standardize(self.layers[0], self._features, images)

    def losses(self, image: Tensor) -> dict[str, Tensor]:
        """Return the loss terms of a batch, each already weighted."""
        with torch.no_grad():
            teacher = self.setting.teacher(image, last_tap=self.block)[-1]
        basis = self.setting.eigenbases[self.block - 1].basis
        error = subspace_error(self._features(image), teacher, basis)
        return {"a": (error + self._unreachable) / self._total}

    def _features(self, image: Tensor) -> Tensor:
        encoder = self.setting.student.encoder
        with torch.no_grad():
            features = image
            for block in range(1, self.block):
                features = encoder.encode_block(block, features)
        return encoder.encode_block(self.block, features)


class DecoderPhase:
    """Trains decoder block b, behind the frozen encoder, on losses (b), (c) and (d)."""

    name = "decoder"

    def __init__(self, setting: Setting, block: int) -> None:
        self.setting = setting
        self.block = block
        self.layers = setting.student.decoder.layers(block)
        self.scales: dict[str, float] = {}

    def prepare(self, images: Iterable[Tensor]) -> None:
        """Start the norms from calibration crops, and measure the targets' variances."""
        batches = list(images)
        with torch.no_grad():
            sources = [self._sources(image) for image in batches]
            target = torch.cat([s[self.block - 1] for s in sources])
            self.scales = {
                "b": float(variance(torch.cat(batches))),
                "c": float(variance(target)),
                "d": float(self.setting.eigenbases[self.block - 1].eigenvalues.sum()),
            }
        mean, deviation = _moments(target)
        _start_norm(self.layers[-1], scale=deviation, offset=mean)
        _standardize(self.layers[0], lambda image: self._decode(self._sources(image)), batches)

    def losses(self, image: Tensor) -> dict[str, Tensor]:
        """Return the loss terms of a batch, each already weighted."""
        with torch.no_grad():
            sources = self._sources(image)
        decoded = self._decode(sources)
        picture = self._to_image(decoded, sources)
        weight_b, weight_c, weight_d = self.setting.loss_weights
        terms = {"b": weight_b * squared_error(picture, image) / self.scales["b"]}
        if self.block > 1:
            target = sources[self.block - 1]
            terms["c"] = weight_c * squared_error(decoded, target) / self.scales["c"]
            terms["d"] = weight_d * self._perceptual(picture, image) / self.scales["d"]
        return terms

    def _perceptual(self, picture: Tensor, image: Tensor) -> Tensor:
        teacher = self.setting.teacher
        with torch.no_grad():
            target = teacher(image, last_tap=self.block)[-1]
        return squared_error(teacher(picture, last_tap=self.block)[-1], target)

    def _sources(self, image: Tensor) -> list[Tensor]:
        features, sources = image, [image]
        for block in range(1, self.block + 1):
            features = self.setting.student.encoder.encode_block(block, features)
            sources.append(features)
        return sources

    def _decode(self, sources: list[Tensor]) -> Tensor:
        return self.setting.student.decode_block(
            self.block, sources[self.block], sources[self.block - 1]
        )

    def _to_image(self, decoded: Tensor, sources: list[Tensor]) -> Tensor:
        for block in range(self.block - 1, 0, -1):
            decoded = self.setting.student.decode_block(block, decoded, sources[block - 1])
        return decoded


Phase = EncoderPhase | DecoderPhase


def create_phase(name: str, setting: Setting, block: int) -> Phase:
    """Build the ``encoder`` or ``decoder`` phase of block 1 to 4."""
    return EncoderPhase(setting, block) if name == "encoder" else DecoderPhase(setting, block)


def prepare_layers(layers: Sequence[ConvLayer]) -> None:
    """Surround a block's layers by the normalisation that trains them."""
    channels = torch.zeros(layers[0].conv.in_channels, device=layers[0].conv.weight.device)
    layers[0].standardize_input(channels, torch.ones_like(channels))
    for layer in layers:
        layer.add_norm()


def follow_batches(layers: Sequence[ConvLayer], *, live: bool) -> None:
    """Let the batch norms follow their batches, or keep their running statistics.

    A layer without ReLU makes pixels of an image: batch statistics would be noise on a colour, so
    its norm stays a trained scale and offset.
    """
    for layer in layers:
        if layer.norm is not None:
            layer.norm.train(live and layer.relu)


@torch.no_grad()
def _start_norm(layer: ConvLayer, *, scale: Tensor, offset: Tensor) -> None:
    if layer.norm is not None:
        layer.norm.weight.copy_(scale)
        layer.norm.bias.copy_(offset)


def _moments(features: Tensor) -> tuple[Tensor, Tensor]:
    deviation, mean = torch.std_mean(features.float(), dim=(0, 2, 3))
    return mean, deviation.clamp_min(1e-3 * float(deviation.max()) + 1e-12)


def _standardize(layer: ConvLayer, run: Callable[[Tensor], Tensor], images: Iterable[Tensor]) -> None:
    """Catch what reaches a layer, and standardise it by its moments."""
    caught: list[Tensor] = []
    handle = layer.register_forward_pre_hook(lambda _, inputs: caught.append(inputs[0].detach()))
    try:
        with torch.no_grad():
            for image in images:
                run(image)
    finally:
        handle.remove()
    layer.standardize_input(*_moments(torch.cat(caught)))
