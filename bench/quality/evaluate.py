"""The three quality metrics together, on one device."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from bench.quality.gram import GramScore
from bench.quality.lpips import MIN_SIDE, LpipsScore
from bench.quality.protocol import describe_size
from bench.quality.sizes import require_sizes
from bench.quality.ssim import ssim_protocol, ssim_score
from pcakd.errors import ShapeError
from pcakd.utils.precision import full_precision


@dataclass(frozen=True, slots=True, kw_only=True)
class Scores:
    """Quality of one output.

    Attributes:
        gram: Gram style score against the style; lower is better.
        ssim: Structural similarity to the content; higher is better.
        lpips: Perceptual distance from the content; lower is better.
    """

    gram: float
    ssim: float
    lpips: float


class Metrics:
    """The networks of the metrics, loaded once.

    Attributes:
        protocol: What each metric measures exactly, by its name.
        size: The part of it that says what the sizes of the pairs are.
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
            device: Where they compute.
            progress: Whether downloads show a progress bar.
            max_side: What the pairs were made smaller to, for the protocol; 0 is native size.
            multiple_of: What their sides were cut to multiples of, for the protocol.

        Raises:
            WeightsError: The weights of a network cannot be had.
        """
        self.size = size = describe_size(max_side=max_side, multiple_of=multiple_of)
        self._gram = GramScore(device=device, progress=progress, size=size)
        self._lpips = LpipsScore(device=device, progress=progress, size=size)
        self.protocol: dict[str, str] = {
            "gram": self._gram.protocol,
            "ssim": ssim_protocol(size),
            "lpips": self._lpips.protocol,
        }

    def describe_style(self, style: Float[Tensor, "1 3 h w"]) -> list[Float[Tensor, "c c"]]:
        """Return what ``score`` needs to know of a style image, so that it is computed once."""
        with full_precision():
            return self._gram.describe(style)

    def score(
        self,
        output: Float[Tensor, "1 3 h w"],
        content: Float[Tensor, "1 3 h w"],
        style_grams: Sequence[Float[Tensor, "c c"]],
    ) -> Scores:
        """Score one output.

        Args:
            output: The stylized RGB image in [0, 1], float, not rounded to 8 bits.
            content: The content image, of the same size.
            style_grams: ``describe_style`` of the style image, which may have any size.

        Raises:
            ShapeError: The sizes differ, a side is shorter than 31 px, or the output holds a value
                that is not finite.
        """
        require_comparable(output, content)
        with full_precision():
            return Scores(
                gram=self._gram(output, style_grams),
                ssim=ssim_score(output, content),
                lpips=self._lpips(output, content),
            )


def require_comparable(output: Float[Tensor, "1 3 h w"], content: Float[Tensor, "1 3 h w"]) -> None:
    """Check that an output can be scored against its content.

    Raises:
        ShapeError: The sizes differ, a side is shorter than 31 px, or the output holds a value
            that is not finite.
    """
    require_sizes("LPIPS", output, content, min_side=MIN_SIDE)  # the others take smaller ones
    if not bool(torch.isfinite(output).all()):
        raise ShapeError("the output holds values that are not finite; it cannot be scored")
