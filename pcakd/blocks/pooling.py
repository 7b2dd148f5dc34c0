"""Stages that halve a map."""

from dataclasses import dataclass

import torch.nn.functional as F
from torch import nn

from pcakd.blocks.spans import Span, clip
from pcakd.blocks.stage import Features, Source, Stage


class _HalvingStage(Stage):
    """A stage that makes one pixel of each 2 × 2 window."""

    __slots__ = ()

    def input_span(self, span: Span, size: int) -> Span:
        """Return both pixels of each window.

        >>> MaxPool().input_span(Span(2, 4, 8), 16)
        Span(start=4, stop=8, size=16)
        """
        return clip(2 * span.start, 2 * span.stop, size)

    def output_size(self, size: int) -> int:
        """Return half the size."""
        return size // 2


@dataclass(frozen=True, slots=True)
class MaxPool(_HalvingStage):
    """A 2 × 2 maximum with stride 2."""

    def run(
        self, features: Features, source: Source | None = None, layer: nn.Module | None = None
    ) -> Features:
        """Return the maximum of each window."""
        del source, layer
        return F.max_pool2d(features, 2)


@dataclass(frozen=True, slots=True)
class AvgPool(_HalvingStage):
    """A 2 × 2 mean with stride 2."""

    def run(
        self, features: Features, source: Source | None = None, layer: nn.Module | None = None
    ) -> Features:
        """Return the mean of each window."""
        del source, layer
        return F.avg_pool2d(features, 2)
