"""Names, directions and protocol ids of the quality metrics."""

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

MetricName = Literal["gram", "ssim", "lpips"]

FLOAT_OUTPUTS = "float output, no guided filter"
FILE_OUTPUTS = "outputs read from image files"
MADE_SMALLER = "made smaller from native size"
_OUTPUTS = re.compile(rf", ({FLOAT_OUTPUTS}|{FILE_OUTPUTS}(, {MADE_SMALLER})?)$")


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
    """
    return _OUTPUTS.sub("", protocol)


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
)


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
