"""Stages that double a map."""

from dataclasses import dataclass
from typing import ClassVar

import torch.nn.functional as F
from torch import nn

from pcakd.blocks.spans import Span, clip
from pcakd.blocks.stage import Features, Source, Stage


@dataclass(frozen=True, slots=True)
class Upsample(Stage):
    """Bilinear enlargement by 2, half-pixel centres."""

    commutes_with_pixelwise: ClassVar[bool] = True

    def run(
        self, features: Features, source: Source | None = None, layer: nn.Module | None = None
    ) -> Features:
        """Return the map twice as large."""
        del source, layer
        return enlarge(features)

    def input_span(self, span: Span, size: int) -> Span:
        """Return the pixels around each output pixel, which lies between two of the input.

        >>> Upsample().input_span(Span(8, 12, 16), 8)
        Span(start=3, stop=7, size=8)
        """
        return clip((span.start - 1) // 2, span.stop // 2 + 1, size)

    def output_size(self, size: int) -> int:
        """Return twice the size."""
        return 2 * size


def enlarge(features: Features) -> Features:
    """Enlarge a map by 2, bilinearly with half-pixel centres."""
    return F.interpolate(features, scale_factor=2, mode="bilinear", align_corners=False)
