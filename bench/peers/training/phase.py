"""The phase of one decoder block whose encoder stays as it is (`bench.peers.training.decoder`)."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import torch
from torch import Tensor

from bench.peers.training.natural_gradient import NaturalGradient
from bench.peers.training.regression import PatchMoments, fit_layer
from pcakd.blocks import Autoencoder, ConvLayer
from pcakd.distillation.context import Encoded, Setting, decode_to_image, encode, teacher_dtype
from pcakd.distillation.health import require_image
from pcakd.distillation.losses.features import squared_error, variance
from pcakd.distillation.norms import catch
from pcakd.distillation.phases.interface import CALIBRATION_BATCHES, ParameterGroups, copy_weights
from pcakd.distillation.recipe import DecoderRecipe

_TERMS = "bcd"  # the losses: the image, the features of the tap before, the encoder's view
_REGRESSION_BATCHES = 32


class DecoderPhase:
    """Trains decoder block b on the losses (b), (c) and (d); the encoder stays as it is.

    The decoder mirrors its encoder, so it starts from regressions
    (`bench.peers.training.regression`) and goes on from them by natural gradients, without norms.

    Args:
        setting: Network and teacher.
        recipe: The weights of the losses.
        block: Which block, 1 to 4.
    """

    keeps_start = False
    live_share = 0.0  # there are no norms to follow batches
    calibration_batches = _REGRESSION_BATCHES

    def __init__(self, setting: Setting, recipe: DecoderRecipe, block: int) -> None:
        self.setting = setting
        self.recipe = recipe
        self.block = block
        self.layers: Sequence[ConvLayer] = setting.student.decoder.layers(block)
        self.scales: dict[str, float] = {}
        self._moments: list[PatchMoments] = []

    def prepare(self, images: Sequence[Tensor]) -> None:
        """Measure the targets' variances, and fit the decoder's layers."""
        few = images[:CALIBRATION_BATCHES]
        target = torch.cat([encode(self.setting, self.block, x).target for x in few])
        self.scales = {
            "b": float(variance(torch.cat(list(few)))),
            "c": float(variance(target)),
            "d": float(variance(torch.cat([self._look(image) for image in few]))),
        }
        self._regress(images)

    def create_optimizer(self, groups: ParameterGroups) -> torch.optim.Optimizer:
        """Build what trains the layers; it knows the patches of the regressions."""
        optimizer = NaturalGradient(groups)
        if self._moments:
            optimizer.measure(self._moments)
            self._moments = []
        return optimizer

    def precision(self) -> AbstractContextManager[object]:
        """Return the context of a training step: bfloat16 where a device gains by it."""
        device = self.layers[0].conv.weight.device
        dtype = teacher_dtype(device)
        return nullcontext() if dtype == torch.float32 else torch.autocast(device.type, dtype)

    @torch.no_grad()
    def _regress(self, images: Sequence[Tensor]) -> None:
        """Fit layer after layer to the encoder's maps, each to what those before it make."""
        self._moments = [
            fit_layer(layer, self._regression_pairs(images, index))
            for index, layer in enumerate(self.layers)
        ]

    def _regression_pairs(
        self, images: Sequence[Tensor], index: int
    ) -> Iterator[tuple[Tensor, Tensor]]:
        """Yield what reaches a layer of the decoder, and the map that it is to make of it."""
        for image in images:
            with self.precision():
                encoded = encode(self.setting, self.block, image)
                wanted = self.setting.student.mirror_targets(self.block, encoded.target)
                reaching = catch(self.layers[index], lambda e=encoded: self._decode(e))  # type: ignore[misc]
            yield reaching, wanted[index]

    def losses(self, images: Tensor) -> dict[str, Tensor]:
        """Return the losses, each a share of its target's variance.

        Block 1 leads back to the image itself, so (b) is its only one. Above it, without a weight
        neither (d), which costs another pass of the encoder, nor (b), which costs the blocks below
        and which (d) needs, is computed.
        """
        return self._losses(images, lambda name: self._weight(name) > 0.0)

    def _losses(self, images: Tensor, wants: Callable[[str], bool]) -> dict[str, Tensor]:
        encoded = encode(self.setting, self.block, images)
        decoded = self._decode(encoded)
        terms = {}
        if self.block > 1:
            terms["c"] = squared_error(decoded, encoded.target) / self.scales["c"]
        if self.block > 1 and not (wants("b") or wants("d")):
            return terms
        picture = self._finish_image(decoded, encoded)
        terms["b"] = squared_error(picture, images) / self.scales["b"]
        if self.block > 1 and wants("d"):
            # an encoder that stays as it is is the teacher
            seen = self.setting.teacher(picture, last_tap=self.block)[-1]
            terms["d"] = squared_error(seen, encoded.features) / self.scales["d"]
        return terms

    def total(self, terms: Mapping[str, Tensor]) -> Tensor:
        """Return the weighted sum of the losses."""
        return torch.stack([self._weight(name) * term for name, term in terms.items()]).sum()

    def limit_gradients(self) -> None:
        """Leave gradients as they are: steps have a length of their own."""

    def redraw(self, fresh: Autoencoder) -> None:
        """Take the block's weights from another network."""
        copy_weights(fresh.decoder.layers(self.block), self.layers)

    def finish(self) -> None:
        """Leave the layers as they are: they have no norms."""

    def examine(self, batches: Sequence[Tensor]) -> dict[str, Any]:
        """Report all held-out losses.

        Raises:
            CollapseError: The block keeps too much of the image's variance as error.
        """
        totals: dict[str, float] = {}
        with torch.inference_mode():
            for image in batches:
                for name, term in self._losses(image, lambda name: True).items():
                    totals[name] = totals.get(name, 0.0) + float(term) / len(batches)
        require_image(totals["b"])
        return {"held_out_losses": totals, "scales": dict(self.scales)}

    def draw_sheet(self, images: Tensor) -> Tensor | None:
        """Return photographs above their reconstructions from the block's tap."""
        with torch.inference_mode():
            encoded = encode(self.setting, self.block, images)
            picture = self._finish_image(self._decode(encoded), encoded)
        return torch.stack((images, picture.clamp(0.0, 1.0)))

    def _weight(self, name: str) -> float:
        return self.recipe.loss_weights[_TERMS.index(name)]

    def _look(self, image: Tensor) -> Tensor:
        with torch.no_grad():
            features: Tensor = self.setting.teacher(image, last_tap=self.block)[-1]
        return features

    def _decode(self, encoded: Encoded) -> Tensor:
        return self.setting.student.decode_block(self.block, encoded.features, encoded.sources[-1])

    def _finish_image(self, decoded: Tensor, encoded: Encoded) -> Tensor:
        return decode_to_image(self.setting.student, decoded, encoded.sources[: self.block - 1])
