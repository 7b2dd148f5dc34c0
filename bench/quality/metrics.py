"""The three quality metrics, computed together on one device."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from bench.quality.gram import GramDistance
from bench.quality.lpips import MIN_SIDE, LpipsDistance
from bench.quality.protocol import describe_size
from bench.quality.sizes import require_sizes
from bench.quality.ssim import measure_ssim, ssim_protocol
from pcakd.errors import ShapeError
from pcakd.utils.precision import full_precision


@dataclass(frozen=True, slots=True, kw_only=True)
class MetricValues:
    """The quality of one output.

    Attributes:
        gram: Gram style distance from the style; lower is better.
        ssim: Structural similarity to the content; higher is better.
        lpips: Perceptual distance from the content; lower is better.
    """

    gram: float
    ssim: float
    lpips: float


class Metrics:
    """The metrics with their networks loaded.

    Attributes:
        protocol: Protocol id of each metric, by its name (`bench.quality.protocol`).
        size: The part of the ids that describes the size of the images.
    """

    def __init__(
        self,
        *,
        device: torch.device | str = "cpu",
        progress: bool = True,
        max_side: int = 0,
        multiple_of: int = 1,
    ) -> None:
        """Load the networks.

        Args:
            device: Where to compute.
            progress: Whether downloads show a progress bar.
            max_side: Longest side in pixels that images are downscaled to; 0 is native size. It
                only enters the protocol ids.
            multiple_of: The sides of the images are multiples of this; for the protocol ids.

        Raises:
            WeightsError: The weights of a network are not found.
        """
        self.size = size = describe_size(max_side=max_side, multiple_of=multiple_of)
        self._gram = GramDistance(device=device, progress=progress, size=size)
        self._lpips = LpipsDistance(device=device, progress=progress, size=size)
        self.protocol: dict[str, str] = {
            "gram": self._gram.protocol,
            "ssim": ssim_protocol(size),
            "lpips": self._lpips.protocol,
        }

    def describe_style(self, style: Float[Tensor, "1 3 h w"]) -> list[Float[Tensor, "c c"]]:
        """Return the Gram matrices of a style image, which ``measure`` compares outputs with."""
        with full_precision():
            return self._gram.describe(style)

    def measure(
        self,
        output: Float[Tensor, "1 3 h w"],
        content: Float[Tensor, "1 3 h w"],
        style_grams: Sequence[Float[Tensor, "c c"]],
    ) -> MetricValues:
        """Measure the quality of one output.

        Args:
            output: The stylized RGB image in [0, 1], float, not rounded to 8 bits.
            content: The content image, of the same size.
            style_grams: ``describe_style`` of the style image, of any size.

        Raises:
            ShapeError: The sizes differ, a side is shorter than 31 px, or a value of the output is
                not finite.
        """
        require_comparable(output, content)
        with full_precision():
            return MetricValues(
                gram=self._gram(output, style_grams),
                ssim=measure_ssim(output, content),
                lpips=self._lpips(output, content),
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
