"""Sizes of images: what the metrics accept, and how images are resized for them."""

from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import interpolate

from pcakd.coarse_to_fine import MIN_SIZE
from pcakd.errors import ShapeError

MIN_CONTENT_SIDE = 31
"""The shortest side of a content image in pixels; LPIPS needs it."""

MIN_STYLE_SIDE = MIN_SIZE
"""The shortest side of a style image in pixels that each subject accepts."""


def require_sizes(
    metric: str,
    output: Float[Tensor, "1 3 h w"],
    content: Float[Tensor, "1 3 h w"],
    *,
    min_side: int,
) -> None:
    """Check that a metric can compare two images.

    Args:
        metric: Name of the metric, for the message.
        output: The stylized image.
        content: The content image.
        min_side: The shortest side in pixels that the metric accepts.

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


def fit_within(image: Float[Tensor, "1 3 h w"], max_side: int) -> Float[Tensor, "1 3 h2 w2"]:
    """Downscale an image so that its longer side has at most ``max_side`` pixels; 0 keeps it."""
    height, width = image.shape[-2:]
    size = fitted_size(width, height, max_side)
    if size == (width, height):
        return image
    smaller = interpolate(
        image, size=size[::-1], mode="bicubic", antialias=True, align_corners=False
    )
    return smaller.clamp(0.0, 1.0)


def fit_result(
    output: Float[Tensor, "1 3 h w"], content: Float[Tensor, "1 3 h2 w2"], max_side: int
) -> Float[Tensor, "1 3 h3 w3"]:
    """Resize a finished image to the size at which its content is measured.

    Args:
        output: It has the native size of the content, or the size that `fit_within` gives it.
        content: The content at its native size.
        max_side: Longest side in pixels that images are downscaled to; 0 is native size.

    Raises:
        ShapeError: The output has another size.
    """
    (height, width), (rows, columns) = output.shape[-2:], content.shape[-2:]
    fitted = fitted_size(columns, rows, max_side)
    if (width, height) not in ((columns, rows), fitted):
        smaller = f", or {fitted[0]}x{fitted[1]}, at which they are measured"
        raise ShapeError(
            f"the output is {width}x{height} px and its content {columns}x{rows}; an output must "
            f"have the size of its content{smaller if fitted != (columns, rows) else ''}"
        )
    return fit_within(output, max_side)


def fitted_size(width: int, height: int, max_side: int) -> tuple[int, int]:
    """Return the width and height that `fit_within` gives an image.

    >>> fitted_size(1280, 720, 512), fitted_size(100, 50, 512), fitted_size(1280, 720, 0)
    ((512, 288), (100, 50), (1280, 720))
    """
    longer = max(width, height)
    if not max_side or longer <= max_side:
        return width, height
    scale = max_side / longer
    return max(1, round(width * scale)), max(1, round(height * scale))


def cut_to_multiple(image: Float[Tensor, "1 3 h w"], multiple: int) -> Float[Tensor, "1 3 h2 w2"]:
    """Resize an image so that both sides are multiples of ``multiple``, rounded down; 1 keeps it.

    Source: The demo of the authors of PCA-KD resizes to a multiple of 8 or 16. It does not say how;
    we interpolate bilinearly without antialiasing.

    Raises:
        ShapeError: A side is shorter than ``multiple``.
    """
    height, width = image.shape[-2:]
    size = height // multiple * multiple, width // multiple * multiple
    if size == (height, width):
        return image
    if 0 in size:
        raise ShapeError(
            f"the image is {width}x{height} px and its sides cannot be multiples of {multiple}; "
            "use a larger one or a smaller multiple"
        )
    return interpolate(image, size=size, mode="bilinear", align_corners=False)
