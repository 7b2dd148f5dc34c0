"""Names, directions and protocol ids of the quality metrics."""

import math
import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Literal

from bench.records.schema import NO_FILTER, WITH_FILTER, MetricName

TRAINED_MARK = " ‡"
"""Follows the value of a metric whose formula, or a close relative, the subject was trained on."""

FLOAT_OUTPUTS = f"float output, {NO_FILTER}"
FILE_OUTPUTS = "outputs read from image files"
MADE_SMALLER = "made smaller from native size"
_FILTERED = WITH_FILTER.format("[a-z-]+( and [a-z-]+)*")
_OUTPUTS = re.compile(
    rf", (float output, ({NO_FILTER}|{_FILTERED})|{FILE_OUTPUTS}(, {MADE_SMALLER})?)$"
)


def describe_size(*, max_side: int = 0, multiple_of: int = 1) -> str:
    """Return the part of a protocol id that describes the images.

    Args:
        max_side: Longest side in pixels that images are downscaled to; 0 is native size.
        multiple_of: Their sides are resized to multiples of this.

    >>> print(describe_size(max_side=512))
    at most 512 px a side, float output, no guided filter
    """
    parts = [f"at most {max_side} px a side"] if max_side else []
    parts += [f"sides cut to multiples of {multiple_of} (bilinear)"] if multiple_of > 1 else []
    return f"{', '.join(parts) or 'native size'}, {FLOAT_OUTPUTS}"


def name_file_outputs(protocol: str, *, made_smaller: bool) -> str:
    """Return the protocol id for outputs that are read from image files.

    Args:
        protocol: The id for float outputs.
        made_smaller: Whether the output has the native size of its content and is downscaled with
            it.

    >>> name_file_outputs(describe_size(), made_smaller=False)
    'native size, outputs read from image files'
    """
    tail = f", {MADE_SMALLER}" if made_smaller else ""
    return f"{without_outputs(protocol)}, {FILE_OUTPUTS}{tail}"


def without_outputs(protocol: str) -> str:
    """Return a protocol id without its part on the outputs; values with equal ids are comparable.

    >>> without_outputs(describe_size(max_side=512))
    'at most 512 px a side'
    >>> without_outputs("native size, float output, guided filter as a part of the subject")
    'native size'
    """
    return _OUTPUTS.sub("", protocol)


def without_filter(protocol: str | None) -> str | None:
    """Return a protocol id that is the same for subjects with and without a filter.

    >>> without_filter("native size, float output, matting-fast filter as a part of the subject")
    'native size, float output, no guided filter'
    >>> without_filter("quiet, guided and matting filter as a part of the subject")
    'quiet, no guided filter'
    """
    return protocol and re.sub(_FILTERED, NO_FILTER, protocol)


@dataclass(frozen=True, slots=True, kw_only=True)
class Metric:
    """A quality metric.

    Attributes:
        name: The key in results and records.
        title: The heading in tables and plots.
        higher_is_better: Its direction.
        measures: ``"style"`` (output against style) or ``"content"`` (output against content).
        bounds: The least and the greatest possible value; intervals of means end there.
    """

    name: MetricName
    title: str
    higher_is_better: bool
    measures: Literal["style", "content"]
    bounds: tuple[float, float] = (-math.inf, math.inf)

    @property
    def arrow(self) -> str:
        """The direction as an arrow; up if higher is better."""
        return "↑" if self.higher_is_better else "↓"


METRICS: tuple[Metric, ...] = (
    Metric(
        name="gram", title="Gram", higher_is_better=False, measures="style", bounds=(0, math.inf)
    ),
    Metric(name="ssim", title="SSIM", higher_is_better=True, measures="content", bounds=(-1, 1)),
    Metric(
        name="lpips",
        title="LPIPS",
        higher_is_better=False,
        measures="content",
        bounds=(0, math.inf),
    ),
    Metric(
        name="bounded_gram",
        title="Bounded Gram",
        higher_is_better=False,
        measures="style",
        bounds=(0, 1),
    ),
    Metric(
        name="alexnet_gram",
        title="AlexNet Gram",
        higher_is_better=False,
        measures="style",
        bounds=(0, 1),
    ),
    Metric(
        name="sliced_wasserstein",
        title="Sliced Wasserstein",
        higher_is_better=False,
        measures="style",
        bounds=(0, math.inf),
    ),
    Metric(
        name="histogram_correlation",
        title="Histogram correlation",
        higher_is_better=True,
        measures="style",
        bounds=(-1, 1),
    ),
    Metric(
        name="ms_ssim", title="MS-SSIM", higher_is_better=True, measures="content", bounds=(0, 1)
    ),
    Metric(
        name="gmsd", title="GMSD", higher_is_better=False, measures="content", bounds=(0, math.inf)
    ),
    Metric(
        name="haarpsi", title="HaarPSI", higher_is_better=True, measures="content", bounds=(0, 1)
    ),
    Metric(
        name="edge_ssim",
        title="Edge SSIM",
        higher_is_better=True,
        measures="content",
        bounds=(-1, 1),
    ),
    Metric(
        name="dists",
        title="DISTS",
        higher_is_better=False,
        measures="content",
        bounds=(0, math.inf),
    ),
)
"""All metrics, in the order of ``MetricName``."""


def headline_metrics(measured: Collection[str]) -> tuple[Metric, ...]:
    """Return the metrics of plots and of the first tables: Gram, SSIM and LPIPS.

    The Gram distance is the bounded one where it was measured, because a single image pair can
    dominate a mean of relative errors.

    Args:
        measured: Names of the metrics that have values.

    >>> [metric.name for metric in headline_metrics({"gram", "bounded_gram", "gmsd"})]
    ['bounded_gram', 'ssim', 'lpips']
    """
    gram: MetricName = "bounded_gram" if "bounded_gram" in measured else "gram"
    shown = (gram, "ssim", "lpips")
    return tuple(
        sorted(
            (metric for metric in METRICS if metric.name in shown),
            key=lambda metric: shown.index(metric.name),
        )
    )


def other_metrics(measured: Collection[str], shown: Collection[str]) -> tuple[Metric, ...]:
    """Return the measured metrics that are not ``shown`` yet, those of style first.

    >>> [metric.name for metric in other_metrics({"ssim", "gmsd", "gram"}, {"ssim"})]
    ['gram', 'gmsd']
    """
    rest = [each for each in METRICS if each.name in measured and each.name not in shown]
    return tuple(sorted(rest, key=lambda metric: metric.measures == "content"))


def gram_protocol(weights_sha256: str, layers: Sequence[str], size: str) -> str:
    """Return the protocol id of the Gram style distance.

    Args:
        weights_sha256: `hash_tensors` of the network.
        layers: Names of the taps, from shallow to deep.
        size: `describe_size` of the images.

    >>> print(gram_protocol("0123456789abcdef", ["relu1_1"], describe_size()).split("; ")[0])
    gram/1: vgg16-torchvision@01234567 (relu1_1)
    """
    return (
        f"gram/1: vgg16-torchvision@{weights_sha256[:8]} ({','.join(layers)}); zero padding; "
        "mean of ||G(out)-G(style)||_F/||G(style)||_F; G=FF^T/(C*H*W), uncentred; "
        f"RGB [0,1], ImageNet mean and std; {size}"
    )


def ssim_protocol(package_version: str, size: str) -> str:
    """Return the protocol id of SSIM for a version of scikit-image and a `describe_size`."""
    return (
        f"ssim/1: scikit-image {package_version} structural_similarity against content; "
        f"7x7 uniform window; RGB [0,1], mean over channels; data range 1; {size}"
    )


def lpips_protocol(trunk_sha256: str, heads_sha256: str, size: str) -> str:
    """Return the protocol id of LPIPS.

    Args:
        trunk_sha256: `hash_tensors` of the trunk.
        heads_sha256: `hash_tensors` of the linear heads.
        size: `describe_size` of the images.
    """
    return (
        f"lpips/1: alexnet-torchvision@{trunk_sha256[:8]} with v0.1 heads@{heads_sha256[:8]} "
        f"against content; RGB scaled to [-1,1]; {size}"
    )


def bounded_gram_protocol(weights_sha256: str, layers: Sequence[str], size: str) -> str:
    """Return the protocol id of the bounded Gram distance; arguments as of `gram_protocol`."""
    return (
        f"bounded_gram/1: vgg16-torchvision@{weights_sha256[:8]} ({','.join(layers)}); zero "
        "padding; mean of ||G(out)-G(style)||_F/(||G(out)||_F+||G(style)||_F), in [0,1]; "
        f"G=FF^T/(C*H*W), uncentred; RGB [0,1], ImageNet mean and std; {size}"
    )


def alexnet_gram_protocol(weights_sha256: str, layers: Sequence[str], size: str) -> str:
    """Return the protocol id of the Gram distance of AlexNet; arguments as of `gram_protocol`."""
    return (
        f"alexnet_gram/1: alexnet-torchvision@{weights_sha256[:8]} ({','.join(layers)}); mean of "
        "||G(out)-G(style)||_F/(||G(out)||_F+||G(style)||_F), in [0,1]; G=FF^T/(C*H*W), "
        f"uncentred; RGB [0,1], ImageNet mean and std; {size}"
    )


def sliced_wasserstein_protocol(
    directions: int, bins: int, span: float, versions: str, size: str
) -> str:
    """Return the protocol id of the sliced Wasserstein distance of colours.

    Args:
        directions: Number of directions onto which colours are projected.
        bins: Number of bins of a projection.
        span: Projections from ``-span`` to ``span`` are binned.
        versions: The libraries with their versions.
        size: `describe_size` of the images.
    """
    return (
        f"sliced_wasserstein/1: {versions}; mean of the 1-D Wasserstein-1 distances of all pixels' "
        f"CIELAB colours (D65, 2 degrees; units of L*) on {directions} directions, a Fibonacci "
        f"lattice on the hemisphere; {bins} bins in [-{span:g},{span:g}]; against style; {size}"
    )


def histogram_correlation_protocol(bins: int, size: str) -> str:
    """Return the protocol id of the correlation of histograms with a number of bins a channel."""
    return (
        f"histogram_correlation/1: Pearson correlation of {bins}-bin histograms of R, G and B, "
        f"mean over channels; sRGB [0,1], bin = floor({bins}*value), 1 in the last; against "
        f"style; {size}"
    )


def piq_protocol(name: str, details: str, package_version: str, size: str) -> str:
    """Return the protocol id of a metric that piq computes.

    Args:
        name: Name of the metric.
        details: Its window, constants and colours.
        package_version: Version of piq.
        size: `describe_size` of the images.
    """
    return (
        f"{name}/1: piq {package_version} against content; {details}; RGB [0,1], data range 1; "
        f"{size}"
    )


def edge_ssim_protocol(package_version: str, size: str) -> str:
    """Return the protocol id of edge SSIM for a version of scikit-image and a `describe_size`."""
    return (
        f"edge_ssim/1: scikit-image {package_version} structural_similarity of sobel(rgb2gray) "
        "against that of content; sobel's scale (a vertical step of 1 has 0.71); 7x7 uniform "
        f"window; data range 1; {size}"
    )


def dists_protocol(
    weights_sha256: str, channels_sha256: str, package_version: str, short_side: int, size: str
) -> str:
    """Return the protocol id of DISTS.

    Args:
        weights_sha256: `hash_tensors` of the network.
        channels_sha256: `hash_tensors` of the weights of its channels.
        package_version: Version of piq.
        short_side: To which the shorter side of larger images is downscaled, in pixels.
        size: `describe_size` of the images.
    """
    return (
        f"dists/1: piq {package_version} with vgg16-torchvision@{weights_sha256[:8]} "
        f"(relu1_2,relu2_2,relu3_3,relu4_3,relu5_3), channel weights@{channels_sha256[:8]}, "
        f"against content; larger images to {short_side} px the shorter side (bilinear, "
        f"antialiased); L2 pooling; RGB [0,1], ImageNet mean and std; {size}"
    )
