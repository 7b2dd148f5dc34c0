"""The last phase trains the whole student on stylized images."""

from collections.abc import Mapping, Sequence
from functools import reduce
from itertools import product
from typing import Any, TypeAlias

import torch
from torch import Tensor

from pcakd.backbones import Backbone
from pcakd.blocks import Autoencoder, ConvLayer, Source, run_plain
from pcakd.coarse_to_fine import TAPS, TapSettings, transfer_colours, transform_and_decode
from pcakd.distillation.context import (
    TrainingContext,
    decode_to_image,
    name_taps,
    tap_shares,
)
from pcakd.distillation.health import examine_taps
from pcakd.distillation.losses.content import (
    gradient_magnitude,
    multiscale_similarity,
    perceptual_distance,
    self_similarity_distance,
    structural_similarity,
    unit_vectors,
)
from pcakd.distillation.losses.features import squared_error, variance
from pcakd.distillation.losses.style import (
    bounded_style_distance,
    gaussian_distance,
    gram_matrix,
    moment_distance,
    sliced_distance,
    style_distance,
)
from pcakd.distillation.phases.interface import (
    CALIBRATION_BATCHES,
    ParameterGroups,
    create_adam,
    mean_terms,
)
from pcakd.distillation.recipe import Recipe
from pcakd.linalg import Statistics, measure_batch

_LONGEST_GRADIENT = 1.0
_RANGE_WEIGHT = 10.0  # of values outside [0, 1], which clipping hides from the other losses
_FLAT_SIDE = 64
_FIRST_SEEN = 1  # the perceptual distance leaves out the first tap, which responds to edges
_FIRST_ALIKE = 2  # self-similarity is that of taps 3 and 4, whose receptive fields see objects
_STYLES = {"moments": moment_distance, "gaussians": gaussian_distance, "slices": sliced_distance}

OPTIONAL_LOSSES = (*_STYLES, "multiscale", "self_similarity")
"""Losses that are computed only if they have a weight."""

_Features: TypeAlias = Sequence[Sequence[Tensor]]
"""The taps of each perceptual network."""

FLAT_COLOUR_ERROR = "flat_colour_error"
"""The key of a phase's report for the error of flat saturated colours."""


class StylizationPhase:
    """Trains encoder and decoder through coarse-to-fine stylization at strength 1.

    Crops come in image pairs; each crop is the style of the other. The losses are those of
    `pcakd.distillation.losses.style` and `pcakd.distillation.losses.content`, the reconstruction
    loss, and loss (a) at all taps, which keeps the features those of the teacher. The paper has no
    such phase: its students are trained without a transform.
    """

    calibration_batches = CALIBRATION_BATCHES
    keeps_start = True
    live_share = 0.0

    def __init__(
        self, context: TrainingContext, recipe: Recipe, perceptual: Sequence[Backbone]
    ) -> None:
        self.context = context
        self.recipe = recipe
        self.perceptual = perceptual
        student = context.student
        self.layers: Sequence[ConvLayer] = [
            *(layer for block in TAPS for layer in student.encoder_layers(block)),
            *(layer for block in TAPS for layer in student.decoder.layers(block)),
        ]
        self.scales: dict[str, float] = {}

    def prepare(self, images: Sequence[Tensor]) -> None:
        """Measure the variance of images."""
        self.scales["image"] = float(variance(torch.cat(list(images))))

    def create_optimizer(self, groups: ParameterGroups) -> torch.optim.Optimizer:
        """Build the optimiser of the layers."""
        return create_adam(groups)

    def losses(self, images: Tensor) -> dict[str, Tensor]:
        """Return the losses; images 1 and 2, 3 and 4, … are each other's style."""
        with torch.no_grad():
            inputs = [network(images) for network in self.perceptual]
            styles = [_swap(gram_matrix(tap)) for taps in inputs for tap in taps]
            contents = [unit_vectors(tap) for taps in inputs for tap in taps[_FIRST_SEEN:]]
            if not self._has_weight(*_STYLES, "self_similarity"):
                inputs.clear()  # their statistics are all that is needed
            teacher = self.context.teacher(images)
        taps, sources = self.context.student.encode_with_sources(images)
        stylized = self._stylize(taps, sources, images)
        clipped = stylized.clamp(0.0, 1.0)
        outputs = [network(clipped) for network in self.perceptual]
        features = [tap for taps in outputs for tap in taps]
        return {
            **name_taps(tap_shares(self.context, taps, teacher)),
            "style": style_distance(features, styles),
            "structure": 1.0 - structural_similarity(clipped, images),
            "perceptual": perceptual_distance(
                [tap for taps in outputs for tap in taps[_FIRST_SEEN:]], contents
            ),
            **self._reconstruct(taps, sources, images),
            "range": (stylized - clipped).square().mean(),
            "bounded_style": bounded_style_distance(features, styles),
            "edges": 1.0
            - structural_similarity(gradient_magnitude(clipped), gradient_magnitude(images)),
            **self._optional(outputs, inputs, clipped, images),
        }

    def _optional(
        self, outputs: _Features, inputs: _Features, stylized: Tensor, images: Tensor
    ) -> dict[str, Tensor]:
        """Return the losses that are computed only if they have a weight."""
        terms = {}
        if self._has_weight(*_STYLES):
            styles = [_swap(tap) for taps in inputs for tap in taps]
            features = [tap for taps in outputs for tap in taps]
            terms = {n: f(features, styles) for n, f in _STYLES.items() if self._has_weight(n)}
        if self._has_weight("multiscale"):
            terms["multiscale"] = 1.0 - multiscale_similarity(stylized, images)
        if self._has_weight("self_similarity"):
            sides = (
                [tap for taps in each for tap in taps[_FIRST_ALIKE:]] for each in (outputs, inputs)
            )
            terms["self_similarity"] = self_similarity_distance(*sides)
        return terms

    def _has_weight(self, *names: str) -> bool:
        return any(getattr(self.recipe.weights, name) for name in names)

    def total(self, terms: Mapping[str, Tensor]) -> Tensor:
        """Return the weighted sum of the losses."""
        weights = self.recipe.weights
        taps = torch.stack([terms[f"tap{tap}"] for tap in TAPS]).mean()
        image = torch.stack([terms[f"image{tap}"] for tap in TAPS]).mean()
        weighted = (
            (weights.style, terms["style"]),
            (weights.structure, terms["structure"]),
            (weights.perceptual, terms["perceptual"]),
            (weights.taps, taps),
            (weights.image, image),
            (_RANGE_WEIGHT, terms["range"]),
            (weights.bounded_style, terms["bounded_style"]),
            (weights.edges, terms["edges"]),
            *((getattr(weights, name), terms.get(name)) for name in OPTIONAL_LOSSES),
        )
        # terms of weight 0 are only logged, or not there; the order of the others is part of a
        # student's weights
        kept: list[Tensor] = [w * term for w, term in weighted if w and term is not None]
        return reduce(torch.add, kept)

    def limit_gradients(self) -> None:
        """Shorten a gradient that is longer than 1."""
        parameters = [p for layer in self.layers for p in layer.parameters()]
        torch.nn.utils.clip_grad_norm_(parameters, _LONGEST_GRADIENT)

    def redraw(self, fresh: Autoencoder) -> None:
        """Keep the weights that the phase began with."""
        del fresh

    def finish(self) -> None:
        """Fold all norms into encoder and decoder."""
        for layer in self.layers:
            layer.fold()

    def examine(self, batches: Sequence[Tensor]) -> dict[str, Any]:
        """Report the taps, the held-out losses, and the error of flat saturated colours.

        A flat image that is its own style should stay as it is; photographs have no such images, so
        that no loss sees them. The error is the largest of any channel, in [0, 1].

        Raises:
            CollapseError: A tap fails the health check.
        """
        taps = examine_taps(self.context, self.recipe, batches)
        with torch.inference_mode():
            losses = mean_terms([self.losses(_make_even(batch)) for batch in batches])
            flat = _saturated_colours(batches[0]).repeat_interleave(2, dim=0)
            stylized = self._stylize(*self.context.student.encode_with_sources(flat), flat)
            error = float((stylized.clamp(0.0, 1.0) - flat).abs().max())
        return {"taps": taps, "held_out_losses": losses, FLAT_COLOUR_ERROR: error}

    def draw_sheet(self, images: Tensor) -> Tensor | None:
        """Return contents above their styles and the stylized images."""
        images = _make_even(images)
        with torch.inference_mode():
            stylized = self._stylize(*self.context.student.encode_with_sources(images), images)
        return torch.stack((images, _swap(images), stylized.clamp(0.0, 1.0)))

    def _reconstruct(
        self, taps: Sequence[Tensor], sources: Sequence[Source], images: Tensor
    ) -> dict[str, Tensor]:
        """Return the reconstruction losses: images decoded from each tap without a transform."""
        decoded = [
            decode_to_image(self.context.student, tap, sources[:block])
            for block, tap in zip(TAPS, taps, strict=True)
        ]
        return {
            f"image{block}": squared_error(image, images) / self.scales["image"]
            for block, image in zip(TAPS, decoded, strict=True)
        }

    def _stylize(self, taps: Sequence[Tensor], sources: Sequence[Source], images: Tensor) -> Tensor:
        """Transform and decode at taps 4 to 1; each image has the other of its pair as style."""
        student = self.context.student
        measured = [*taps, images] if student.colour_transfer else taps
        moments = [measure_batch(each) for each in measured]
        styles = [
            Statistics(mean=_swap(each.mean), covariance=_swap(each.covariance)) for each in moments
        ]
        settings = TapSettings(
            transform=self.recipe.transform, measure=measure_batch, run_block=run_plain
        )
        decoded = transform_and_decode(student, [*sources, taps[-1]], styles, settings)
        return transfer_colours(student, decoded, styles, settings)


def _saturated_colours(like: Tensor) -> Tensor:
    """Return a flat image of each corner of the RGB cube, of the type and place of ``like``."""
    corners = list(product((0.0, 1.0), repeat=3))
    colours = torch.tensor(corners, dtype=like.dtype, device=like.device)
    return colours[:, :, None, None].expand(-1, -1, _FLAT_SIDE, _FLAT_SIDE)


def _make_even(images: Tensor) -> Tensor:
    """Repeat the last image if their number is odd; it is then its own style."""
    return torch.cat((images, images[-1:])) if len(images) % 2 else images


def _swap(pairs: Tensor) -> Tensor:
    """Exchange the two members of each pair along the first axis."""
    return pairs.reshape(-1, 2, *pairs.shape[1:]).flip(1).flatten(0, 1)
