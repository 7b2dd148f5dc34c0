"""Structural similarity of an output and its content, by scikit-image."""

from importlib.metadata import version

from jaxtyping import Float
from skimage.metrics import structural_similarity
from torch import Tensor

from bench.quality.protocol import ssim_protocol
from pcakd.errors import ShapeError

MIN_SIDE = 7
"""The shortest side in pixels: scikit-image's default window."""

PROTOCOL = ssim_protocol(version("scikit-image"))


def ssim_score(output: Float[Tensor, "1 3 h w"], content: Float[Tensor, "1 3 h w"]) -> float:
    """Return the mean structural similarity of two RGB images in [0, 1]; 1 means equal.

    Source: Wang et al., "Image Quality Assessment: From Error Visibility to Structural
    Similarity", 2004, with scikit-image's default 7 × 7 uniform window in place of their Gaussian
    one, on each colour channel.

    Raises:
        ShapeError: The sizes differ, or a side is shorter than 7 px.
    """
    if output.shape != content.shape:
        raise ShapeError(
            f"SSIM compares images of one shape, got {tuple(output.shape)} and "
            f"{tuple(content.shape)}; resize neither, use the content's own size"
        )
    height, width = output.shape[-2:]
    if min(height, width) < MIN_SIDE:
        raise ShapeError(
            f"SSIM needs images of at least {MIN_SIDE}x{MIN_SIDE} px, "
            f"this one is {width}x{height}; use a larger one"
        )
    one, other = output[0].cpu().numpy(), content[0].cpu().numpy()
    index = structural_similarity(one, other, channel_axis=0, data_range=1.0)  # type: ignore[no-untyped-call]
    return float(index)
