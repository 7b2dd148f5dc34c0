"""Stages that give a decoder the high frequencies of the content."""

from dataclasses import dataclass
from typing import ClassVar

import torch
import torch.nn.functional as F
from torch import nn

from pcakd.blocks.padding import pad_by_one
from pcakd.blocks.spans import Span, Tile
from pcakd.blocks.stage import Features, Source, Stage, require_map


class ResidualStage(Stage):
    """A stage that keeps the size, and reads of its input what it writes."""

    __slots__ = ()

    def input_span(self, span: Span, size: int) -> Span:
        """Return the span itself."""
        del size
        return span


@dataclass(frozen=True, slots=True)
class AddResidual(ResidualStage):
    """Adds the high frequencies of the matching encoder block's input."""

    def run(
        self, features: Features, source: Source | None = None, layer: nn.Module | None = None
    ) -> Features:
        """Return the sum."""
        del layer
        residual = high_frequencies(require_map(self, source))
        # in place without gradients: one map less in memory
        return features + residual if torch.is_grad_enabled() else residual.add_(features)

    def run_tile(
        self,
        part: Features,
        source: Source | None,
        layer: nn.Module | None,
        *,
        before: Tile,
        after: Tile,
    ) -> Features:
        """Return the sum at a tile."""
        del layer, before
        return high_frequencies_at(after, require_map(self, source)).add_(part)


@dataclass(frozen=True, slots=True)
class ConcatResidual(ResidualStage):
    """Appends the high frequencies of the matching encoder block's input as channels.

    An affine map of the features commutes with it: it leaves the appended channels as they are.
    """

    commutes_with_pixelwise: ClassVar[bool] = True

    def run(
        self, features: Features, source: Source | None = None, layer: nn.Module | None = None
    ) -> Features:
        """Return the features, then the high frequencies."""
        del layer
        return torch.cat((features, high_frequencies(require_map(self, source))), dim=1)

    def run_tile(
        self,
        part: Features,
        source: Source | None,
        layer: nn.Module | None,
        *,
        before: Tile,
        after: Tile,
    ) -> Features:
        """Return the features and the high frequencies at a tile."""
        del layer, before
        return torch.cat((part, high_frequencies_at(after, require_map(self, source))), dim=1)


def high_frequencies(features: Features) -> Features:
    """Return a map minus its 3 × 3 mean, edges replicated."""
    padded = F.pad(features, (1, 1, 1, 1), mode="replicate")
    mean = F.avg_pool2d(padded, kernel_size=3, stride=1)
    return features - mean if torch.is_grad_enabled() else torch.sub(features, mean, out=mean)


def high_frequencies_at(tile: Tile, whole: Features) -> Features:
    """Return a tile of :func:`high_frequencies`, without gradients."""
    seen = Tile(tile.rows.grown(1), tile.columns.grown(1))
    part = seen.of(whole)
    mean = box_mean(pad_by_one(part, tile.edges, mode="replicate"))
    inner = part[..., tile.rows.within(seen.rows), tile.columns.within(seen.columns)]
    return torch.sub(inner, mean, out=mean)


def box_mean(padded: Features) -> Features:
    """Return the means of all 3 × 3 windows.

    On a CPU sums of slices are faster than ``avg_pool2d``. Sums of float16 or bfloat16 would lose
    digits, so these types use ``avg_pool2d``.
    """
    if padded.device.type != "cpu" or padded.dtype not in (torch.float32, torch.float64):
        return F.avg_pool2d(padded, kernel_size=3, stride=1)
    rows = padded[..., :-2, :] + padded[..., 1:-1, :]
    rows += padded[..., 2:, :]
    total = rows[..., :-2] + rows[..., 1:-1]
    total += rows[..., 2:]
    return total.mul_(1.0 / 9.0)
