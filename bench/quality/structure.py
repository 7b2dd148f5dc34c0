"""How much structure of the content an output keeps: MS-SSIM, GMSD and HaarPSI, by piq."""

from collections.abc import Callable
from importlib.metadata import version

import piq
import torch
from jaxtyping import Float
from torch import Tensor

from bench.quality.protocol import piq_protocol
from bench.quality.sizes import require_sizes
from bench.records.schema import MetricName

MS_SSIM_MIN_SIDE = 161
"""The shortest side in pixels: the window of 11 px at the fifth scale."""

HAARPSI_MIN_SIDE = 16
"""The shortest side in pixels: twice the largest wavelet."""

GMSD_MIN_SIDE = 6
"""The shortest side in pixels: twice the window of a gradient."""

_DETAILS: dict[MetricName, str] = {
    "ms_ssim": (
        "multi_scale_ssim, 5 scales, weights .0448 .2856 .3001 .2363 .1333, 11x11 Gaussian window "
        "of sigma 1.5, product over scales for each channel, then mean over channels"
    ),
    "gmsd": "gmsd, luma of YIQ halved by 2x2 means, Prewitt gradients, T = 170 / 255^2",
    "haarpsi": "haarpsi, YIQ halved by 2x2 means, 3 scales, C = 30, alpha = 4.2",
}


def structure_protocol(name: MetricName, size: str) -> str:
    """Return the protocol id of a metric of this module for a `describe_size`."""
    return piq_protocol(name, _DETAILS[name], version("piq"), size)


def measure_ms_ssim(output: Float[Tensor, "1 3 h w"], content: Float[Tensor, "1 3 h w"]) -> float:
    """Return the multi-scale SSIM of two RGB images in [0, 1]; 1 for equal ones.

    Source: Wang, Simoncelli and Bovik, "Multi-scale Structural Similarity for Image Quality
    Assessment", 2003. Departure: the colour channels are averaged. Each is measured alone, which
    gives the same mean and needs a third of the memory.

    Raises:
        ShapeError: The sizes differ, or a side is shorter than 161 px.
    """
    one, other = _prepare("MS-SSIM", output, content, MS_SSIM_MIN_SIDE)
    values = [
        _measure(piq.multi_scale_ssim, one[:, [channel]], other[:, [channel]])
        for channel in range(one.shape[1])
    ]
    return sum(values) / len(values)


def measure_gmsd(output: Float[Tensor, "1 3 h w"], content: Float[Tensor, "1 3 h w"]) -> float:
    """Return the gradient magnitude similarity deviation of two RGB images in [0, 1]; 0 is equal.

    Source: Xue et al., "Gradient Magnitude Similarity Deviation: A Highly Efficient Perceptual
    Image Quality Index", 2014.

    Raises:
        ShapeError: The sizes differ, or a side is shorter than 6 px.
    """
    return _measure(piq.gmsd, *_prepare("GMSD", output, content, GMSD_MIN_SIDE))


def measure_haarpsi(output: Float[Tensor, "1 3 h w"], content: Float[Tensor, "1 3 h w"]) -> float:
    """Return the Haar wavelet similarity of two RGB images in [0, 1]; 1 for equal ones.

    Source: Reisenhofer et al., "A Haar Wavelet-Based Perceptual Similarity Index for Image Quality
    Assessment", 2018.

    Raises:
        ShapeError: The sizes differ, or a side is shorter than 16 px.
    """
    return _measure(piq.haarpsi, *_prepare("HaarPSI", output, content, HAARPSI_MIN_SIDE))


def _prepare(title: str, output: Tensor, content: Tensor, min_side: int) -> tuple[Tensor, Tensor]:
    """Check two images; piq refuses values outside [0, 1], which rounding can give."""
    require_sizes(title, output, content, min_side=min_side)
    return output.float().clamp(0.0, 1.0), content.float().clamp(0.0, 1.0)


@torch.inference_mode()
def _measure(metric: Callable[..., Tensor], one: Tensor, other: Tensor) -> float:
    return float(metric(one, other, data_range=1.0))
