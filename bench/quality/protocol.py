"""What the quality metrics are called, which way is better, and exactly what each one measures."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

MetricName = Literal["gram", "ssim", "lpips"]

SIZE = "native size, float output, no guided filter"
"""What all three metrics are given, as their protocol ids say it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Metric:
    """A quality metric.

    Attributes:
        name: The key in rows and records.
        title: The heading in tables and plots.
        higher_is_better: The direction.
        measures: ``"style"`` (output against style) or ``"content"`` (output against content).
    """

    name: MetricName
    title: str
    higher_is_better: bool
    measures: Literal["style", "content"]

    @property
    def arrow(self) -> str:
        """The direction as an arrow: up if higher is better."""
        return "↑" if self.higher_is_better else "↓"


METRICS: tuple[Metric, ...] = (
    Metric(name="gram", title="Gram", higher_is_better=False, measures="style"),
    Metric(name="ssim", title="SSIM", higher_is_better=True, measures="content"),
    Metric(name="lpips", title="LPIPS", higher_is_better=False, measures="content"),
)


def gram_protocol(weights_sha256: str, layers: Sequence[str]) -> str:
    """Return the protocol id of the Gram style score.

    Args:
        weights_sha256: Hash of the network's tensors.
        layers: The taps, shallow first.

    >>> print(gram_protocol("0123456789abcdef", ["relu1_1"]).split("; ")[0])
    gram/1: vgg16-torchvision@01234567 (relu1_1)
    """
    return (
        f"gram/1: vgg16-torchvision@{weights_sha256[:8]} ({','.join(layers)}); zero padding; "
        "mean of ||G(out)-G(style)||_F/||G(style)||_F; G=FF^T/(C*H*W), uncentred; "
        f"RGB [0,1], ImageNet mean and std; {SIZE}"
    )


def ssim_protocol(package_version: str) -> str:
    """Return the protocol id of SSIM, given scikit-image's version."""
    return (
        f"ssim/1: scikit-image {package_version} structural_similarity against content; "
        f"7x7 uniform window; RGB [0,1], mean over channels; data range 1; {SIZE}"
    )


def lpips_protocol(trunk_sha256: str, heads_sha256: str) -> str:
    """Return the protocol id of LPIPS, given the hashes of its trunk and of its linear heads."""
    return (
        f"lpips/1: alexnet-torchvision@{trunk_sha256[:8]} with v0.1 heads@{heads_sha256[:8]} "
        f"against content; RGB scaled to [-1,1]; {SIZE}"
    )
