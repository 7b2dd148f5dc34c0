"""The style metrics, computed together: an image is described once and compared many times."""

from collections.abc import Collection

import torch
from jaxtyping import Float
from torch import Tensor

from bench.quality.alexnet_gram import MIN_SIDE as ALEXNET_MIN_SIDE
from bench.quality.alexnet_gram import AlexnetGram
from bench.quality.colours import (
    ColourCounts,
    count_colours,
    histogram_correlation,
    histogram_correlation_protocol,
    sliced_wasserstein,
    sliced_wasserstein_protocol,
)
from bench.quality.gram import GramDistance, bounded_distance, relative_distance
from bench.records.schema import MetricName

StyleDescription = dict[str, Tensor]
"""What the style metrics keep of an image: tensors by name, as a file holds them."""

_VGG16: tuple[MetricName, ...] = ("gram", "bounded_gram")
_ALEXNET: tuple[MetricName, ...] = ("alexnet_gram",)
_COLOURS: tuple[MetricName, ...] = ("sliced_wasserstein", "histogram_correlation")


class StyleMetrics:
    """The metrics that compare an output with a style image.

    Attributes:
        protocol: Protocol id of each metric.
    """

    def __init__(
        self,
        names: Collection[MetricName],
        *,
        device: torch.device | str,
        progress: bool,
        size: str,
    ) -> None:
        """Load the networks that the metrics need.

        Args:
            names: The metrics to compute; those that are no style metrics are ignored.
            device: Where to compute.
            progress: Whether downloads show a progress bar.
            size: `describe_size` of the images, for the protocol ids.

        Raises:
            WeightsError: The weights of a network are not found.
        """
        self._vgg16 = self._alexnet = None
        protocol: dict[MetricName, str] = {}
        if set(_VGG16) & set(names):
            self._vgg16 = GramDistance(device=device, progress=progress, size=size)
            protocol |= {"gram": self._vgg16.protocol, "bounded_gram": self._vgg16.bounded_protocol}
        if set(_ALEXNET) & set(names):
            self._alexnet = AlexnetGram(device=device, progress=progress, size=size)
            protocol["alexnet_gram"] = self._alexnet.protocol
        self._colours = bool(set(_COLOURS) & set(names))
        if self._colours:
            protocol["sliced_wasserstein"] = sliced_wasserstein_protocol(size)
            protocol["histogram_correlation"] = histogram_correlation_protocol(size)
        self.protocol = {name: text for name, text in protocol.items() if name in names}

    def describe(self, image: Float[Tensor, "1 3 h w"]) -> StyleDescription:
        """Return what the metrics compare of an RGB image in [0, 1].

        An image with a side under 31 px has no features in AlexNet; its distance is not measured.

        Raises:
            ShapeError: A side is shorter than 8 px.
        """
        found: StyleDescription = {}
        if self._vgg16:
            found |= _number("vgg16", self._vgg16.describe(image))
        if self._alexnet and min(image.shape[-2:]) >= ALEXNET_MIN_SIDE:
            found |= _number("alexnet", self._alexnet.describe(image))
        if self._colours:
            counts = count_colours(image)
            found |= {"projections": counts.projections, "histograms": counts.histograms}
        return found

    def compare(self, output: StyleDescription, style: StyleDescription) -> dict[MetricName, float]:
        """Return the metric values of an output from the ``describe`` of it and of a style."""
        values: dict[MetricName, float] = {}
        grams, target = _collect("vgg16", output), _collect("vgg16", style)
        if grams and target:
            values["gram"] = relative_distance(grams, target)
            values["bounded_gram"] = bounded_distance(grams, target)
        grams, target = _collect("alexnet", output), _collect("alexnet", style)
        if grams and target:
            values["alexnet_gram"] = bounded_distance(grams, target)
        if self._colours:
            ours, theirs = _counts(output), _counts(style)
            if "sliced_wasserstein" in self.protocol:
                values["sliced_wasserstein"] = sliced_wasserstein(ours, theirs)
            if "histogram_correlation" in self.protocol:
                values["histogram_correlation"] = histogram_correlation(ours, theirs)
        return {name: value for name, value in values.items() if name in self.protocol}


def _number(network: str, grams: list[Tensor]) -> StyleDescription:
    return {f"{network}.{place}": gram for place, gram in enumerate(grams)}


def _collect(network: str, described: StyleDescription) -> list[Tensor]:
    """Return the Gram matrices of a network in order; empty if it was not run."""
    count = sum(name.startswith(f"{network}.") for name in described)
    return [described[f"{network}.{place}"] for place in range(count)]


def _counts(described: StyleDescription) -> ColourCounts:
    return ColourCounts(projections=described["projections"], histograms=described["histograms"])
