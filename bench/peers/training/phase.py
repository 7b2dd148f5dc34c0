"""The training phase of one decoder block; the encoder is frozen."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from bench.peers.training.natural_gradient import NaturalGradient
from bench.peers.training.recipe import LOSSES, DecoderRecipe
from bench.peers.training.regression import PatchMoments, fit_layer
from pcakd.blocks import Autoencoder, ConvLayer, Source
from pcakd.distillation.context import TrainingContext, decode_to_image, teacher_dtype
from pcakd.distillation.health import require_reconstruction
from pcakd.distillation.losses.features import squared_error, variance
from pcakd.distillation.norms import catch
from pcakd.distillation.phases.interface import CALIBRATION_BATCHES, ParameterGroups, copy_weights

_REGRESSION_BATCHES = 32

MirrorTargets = Callable[[int, Tensor], list[Tensor]]
"""Returns the target of each convolution of a decoder block.

Arguments: the block, 1 to 4, and the features at the tap before (or the image). The last target
is those features.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Encoded:
    """Encoded images.

    Attributes:
        target: What the decoder block should reconstruct: the tap before, or the image.
        features: Features at the block's tap.
        sources: What decoder blocks 1 to that block take from the encoder.
    """

    target: Tensor
    features: Tensor
    sources: Sequence[Source]


class DecoderPhase:
    """Trains a decoder block on the losses (b), (c) and (d); the encoder is frozen.

    The decoder mirrors its encoder. Its layers start from regressions
    (`bench.peers.training.regression`) and are trained by natural gradients, without norms.

    Args:
        context: The network and the teacher.
        recipe: The loss weights.
        block: The block, 1 to 4.
        mirror_targets: Gives the targets of the regressions.
    """

    keeps_start = False
    live_share = 0.0  # there are no norms
    calibration_batches = _REGRESSION_BATCHES

    def __init__(
        self,
        context: TrainingContext,
        recipe: DecoderRecipe,
        block: int,
        mirror_targets: MirrorTargets,
    ) -> None:
        self.context = context
        self.recipe = recipe
        self.block = block
        self._mirror_targets = mirror_targets
        self.layers: Sequence[ConvLayer] = context.student.decoder.layers(block)
        self.scales: dict[str, float] = {}
        self._moments: list[PatchMoments] = []

    def prepare(self, images: Sequence[Tensor]) -> None:
        """Measure the variances of the targets, and fit the layers by regression."""
        few = images[:CALIBRATION_BATCHES]
        target = torch.cat([self._encode(x).target for x in few])
        self.scales = {
            "b": float(variance(torch.cat(list(few)))),
            "c": float(variance(target)),
            "d": float(variance(torch.cat([self._look(image) for image in few]))),
        }
        self._regress(images)

    def create_optimizer(self, groups: ParameterGroups) -> torch.optim.Optimizer:
        """Build the optimiser; it uses the patch statistics of the regressions."""
        optimizer = NaturalGradient(groups)
        if self._moments:
            optimizer.measure(self._moments)
            self._moments = []
        return optimizer

    def precision(self) -> AbstractContextManager[object]:
        """Return the autocast context of a training step: the precision of the teacher."""
        device = self.layers[0].conv.weight.device
        dtype = teacher_dtype(device)
        return nullcontext() if dtype == torch.float32 else torch.autocast(device.type, dtype)

    @torch.no_grad()
    def _regress(self, images: Sequence[Tensor]) -> None:
        """Fit the layers in order, each on the outputs of the fitted ones before it."""
        self._moments = [
            fit_layer(layer, self._regression_pairs(images, index))
            for index, layer in enumerate(self.layers)
        ]

    def _regression_pairs(
        self, images: Sequence[Tensor], index: int
    ) -> Iterator[tuple[Tensor, Tensor]]:
        """Yield the input of a decoder layer and its target."""
        for image in images:
            with self.precision():
                encoded = self._encode(image)
                wanted = self._mirror_targets(self.block, encoded.target)
                reaching = catch(self.layers[index], lambda e=encoded: self._decode(e))  # type: ignore[misc]
            yield reaching, wanted[index]

    def losses(self, images: Tensor) -> dict[str, Tensor]:
        """Return the losses, each a share of its target's variance.

        Block 1 reconstructs the image, so its only loss is (b). In other blocks, losses that cost
        more are left out if their weight is 0: (d) needs another pass of the encoder, and (b),
        which (d) needs too, a pass of the decoder blocks below.
        """
        with self.precision():
            return self._losses(images, lambda name: self._weight(name) > 0.0)

    def _losses(self, images: Tensor, wants: Callable[[str], bool]) -> dict[str, Tensor]:
        encoded = self._encode(images)
        decoded = self._decode(encoded)
        terms = {}
        if self.block > 1:
            terms["c"] = squared_error(decoded, encoded.target) / self.scales["c"]
        if self.block > 1 and not (wants("b") or wants("d")):
            return terms
        image = self._finish_image(decoded, encoded)
        terms["b"] = squared_error(image, images) / self.scales["b"]
        if self.block > 1 and wants("d"):
            # the frozen encoder is the teacher
            seen = self.context.teacher(image, last_tap=self.block)[-1]
            terms["d"] = squared_error(seen, encoded.features) / self.scales["d"]
        return terms

    def total(self, terms: Mapping[str, Tensor]) -> Tensor:
        """Return the weighted sum of the losses."""
        return torch.stack([self._weight(name) * term for name, term in terms.items()]).sum()

    def limit_gradients(self) -> None:
        """Do nothing: natural gradients fix the length of a step."""

    def redraw(self, fresh: Autoencoder) -> None:
        """Take the block's weights from another network."""
        copy_weights(fresh.decoder.layers(self.block), self.layers)

    def finish(self) -> None:
        """Do nothing: the layers have no norms."""

    def examine(self, batches: Sequence[Tensor]) -> dict[str, Any]:
        """Report all held-out losses.

        Raises:
            CollapseError: The reconstruction loss is too large.
        """
        totals: dict[str, float] = {}
        with torch.inference_mode():
            for image in batches:
                for name, term in self._losses(image, lambda name: True).items():
                    totals[name] = totals.get(name, 0.0) + float(term) / len(batches)
        require_reconstruction(totals["b"])
        return {"held_out_losses": totals, "scales": dict(self.scales)}

    def draw_sheet(self, images: Tensor) -> Tensor | None:
        """Return photographs above their reconstructions from the block's tap."""
        with torch.inference_mode():
            encoded = self._encode(images)
            image = self._finish_image(self._decode(encoded), encoded)
        return torch.stack((images, image.clamp(0.0, 1.0)))

    def _weight(self, name: str) -> float:
        return self.recipe.loss_weights[LOSSES.index(name)]

    def _encode(self, image: Tensor) -> _Encoded:
        """Encode images up to the block, without gradients."""
        with torch.no_grad():
            taps, sources = self.context.student.encode_with_sources(image, last_block=self.block)
        target = taps[-2] if self.block > 1 else image
        return _Encoded(target=target, features=taps[-1], sources=sources)

    def _look(self, image: Tensor) -> Tensor:
        with torch.no_grad():
            features: Tensor = self.context.teacher(image, last_tap=self.block)[-1]
        return features

    def _decode(self, encoded: _Encoded) -> Tensor:
        return self.context.student.decode_block(self.block, encoded.features, encoded.sources[-1])

    def _finish_image(self, decoded: Tensor, encoded: _Encoded) -> Tensor:
        return decode_to_image(self.context.student, decoded, encoded.sources[: self.block - 1])
