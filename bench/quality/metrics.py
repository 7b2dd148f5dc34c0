"""The quality metrics, computed together on one device."""

from collections.abc import Collection

import torch
from jaxtyping import Float
from torch import Tensor

from bench.quality.content import ContentMetrics
from bench.quality.lpips import MIN_SIDE
from bench.quality.protocol import describe_size
from bench.quality.sizes import require_sizes
from bench.quality.style import StyleDescription, StyleMetrics
from bench.quality.values import MetricValues
from bench.records.schema import METRIC_NAMES, MetricName
from pcakd.errors import ShapeError
from pcakd.utils.precision import full_precision


class Metrics:
    """The metrics with their networks loaded.

    Attributes:
        protocol: Protocol id of each metric, by its name (`bench.quality.protocol`).
        size: The part of the ids that describes the size of the images.
    """

    def __init__(
        self,
        *,
        names: Collection[MetricName] = METRIC_NAMES,
        device: torch.device | str = "cpu",
        progress: bool = True,
        max_side: int = 0,
        multiple_of: int = 1,
    ) -> None:
        """Load the networks that the metrics need.

        Args:
            names: The metrics to compute.
            device: Where to compute.
            progress: Whether downloads show a progress bar.
            max_side: Longest side in pixels that images are downscaled to; 0 is native size. It
                only enters the protocol ids.
            multiple_of: The sides of the images are multiples of this; for the protocol ids.

        Raises:
            WeightsError: The weights of a network are not found.
        """
        self.size = size = describe_size(max_side=max_side, multiple_of=multiple_of)
        self._style = StyleMetrics(names, device=device, progress=progress, size=size)
        self._content = ContentMetrics(names, device=device, progress=progress, size=size)
        protocol = {**self._style.protocol, **self._content.protocol}
        self.protocol: dict[str, str] = {
            name: protocol[name] for name in METRIC_NAMES if name in protocol
        }

    def describe_style(self, style: Float[Tensor, "1 3 h w"]) -> StyleDescription:
        """Return what ``measure`` compares outputs with of a style image."""
        with full_precision():
            return self._style.describe(style)

    def measure(
        self,
        output: Float[Tensor, "1 3 h w"],
        content: Float[Tensor, "1 3 h w"],
        style: StyleDescription,
    ) -> MetricValues:
        """Measure the quality of one output.

        Args:
            output: The stylized RGB image in [0, 1], float, not rounded to 8 bits.
            content: The content image, of the same size.
            style: ``describe_style`` of the style image, of any size.

        Returns:
            The values; None for a metric that is not computed, or that an image is too small for.

        Raises:
            ShapeError: The sizes differ, a side is shorter than 31 px, or a value of the output is
                not finite.
        """
        require_comparable(output, content)
        with full_precision():
            return MetricValues(
                **self._style.compare(self._style.describe(output), style),
                **self._content.measure(output, content),
            )


def require_comparable(output: Float[Tensor, "1 3 h w"], content: Float[Tensor, "1 3 h w"]) -> None:
    """Check that an output can be compared with its content.

    Raises:
        ShapeError: The sizes differ, a side is shorter than 31 px, or a value of the output is not
            finite.
    """
    require_sizes("LPIPS", output, content, min_side=MIN_SIDE)  # it needs the largest
    if not bool(torch.isfinite(output).all()):
        raise ShapeError("the output holds values that are not finite; it has no quality")
