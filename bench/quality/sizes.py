"""What sizes of images a metric compares."""

from jaxtyping import Float
from torch import Tensor

from pcakd.errors import ShapeError
from pcakd.stylize import MIN_SIZE

MIN_CONTENT_SIDE = 31
"""The shortest side of a content in pixels: LPIPS takes nothing smaller."""

MIN_STYLE_SIDE = MIN_SIZE
"""The shortest side of a style in pixels that every subject takes."""


def require_sizes(
    metric: str,
    output: Float[Tensor, "1 3 h w"],
    content: Float[Tensor, "1 3 h w"],
    *,
    min_side: int,
) -> None:
    """Check that a metric can compare two images.

    Args:
        metric: Its name, for the message.
        output: The stylized image.
        content: What it is compared with.
        min_side: The shortest side in pixels that the metric takes.

    Raises:
        ShapeError: The sizes differ, or a side is shorter than ``min_side``.
    """
    (height, width), (rows, columns) = output.shape[-2:], content.shape[-2:]
    if (height, width) != (rows, columns):
        raise ShapeError(
            f"the output is {width}x{height} px and its content {columns}x{rows}; "
            "an output must have the size of its content"
        )
    if min(height, width) < min_side:
        raise ShapeError(
            f"{metric} needs images of at least {min_side}x{min_side} px, "
            f"this one is {width}x{height}; use a larger one"
        )
