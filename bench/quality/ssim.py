"""SSIM between an output and its content, and between their edges, computed by scikit-image."""

from importlib.metadata import version

from jaxtyping import Float
from skimage.color import rgb2gray
from skimage.filters import sobel
from skimage.metrics import structural_similarity
from torch import Tensor

from bench.quality.protocol import edge_ssim_protocol as write_edge_protocol
from bench.quality.protocol import ssim_protocol as write_protocol
from bench.quality.sizes import require_sizes

MIN_SIDE = 7
"""The shortest side in pixels: scikit-image's default window."""


def ssim_protocol(size: str) -> str:
    """Return the protocol id of `measure_ssim` for a `describe_size`."""
    return write_protocol(version("scikit-image"), size)


def edge_ssim_protocol(size: str) -> str:
    """Return the protocol id of `measure_edge_ssim` for a `describe_size`."""
    return write_edge_protocol(version("scikit-image"), size)


def measure_ssim(output: Float[Tensor, "1 3 h w"], content: Float[Tensor, "1 3 h w"]) -> float:
    """Return the mean SSIM of two RGB images in [0, 1]; 1 for equal ones.

    Source: Wang et al., "Image Quality Assessment: From Error Visibility to Structural
    Similarity", 2004. Departure: the default window of scikit-image, uniform 7 × 7, replaces their
    Gaussian one. The colour channels are averaged.

    Raises:
        ShapeError: The sizes differ, or a side is shorter than 7 px.
    """
    require_sizes("SSIM", output, content, min_side=MIN_SIDE)
    one, other = output[0].cpu().numpy(), content[0].cpu().numpy()
    index = structural_similarity(one, other, channel_axis=0, data_range=1.0)  # type: ignore[no-untyped-call]
    return float(index)


def measure_edge_ssim(output: Float[Tensor, "1 3 h w"], content: Float[Tensor, "1 3 h w"]) -> float:
    """Return the SSIM of the gradient magnitudes of two RGB images in [0, 1]; 1 for equal ones.

    Edges stay where colours change, so it tells structure from colour better than SSIM does.

    Source: "SSIM index of edge responses" in papers on photorealistic style transfer since Yoo et
    al., "Photorealistic Style Transfer via Wavelet Transforms", ICCV 2019. Departure: they take the
    edges of a learned detector (HED); here they are Sobel gradients of the grey image.

    Raises:
        ShapeError: The sizes differ, or a side is shorter than 7 px.
    """
    require_sizes("edge SSIM", output, content, min_side=MIN_SIDE)
    one, other = (
        sobel(rgb2gray(image[0].cpu().float().numpy(), channel_axis=0))  # type: ignore[no-untyped-call]
        for image in (output, content)
    )
    return float(structural_similarity(one, other, data_range=1.0))  # type: ignore[no-untyped-call]
