"""The content metrics, computed together: an output against the content image of its size."""

from collections.abc import Callable, Collection, Mapping
from types import MappingProxyType

import torch
from jaxtyping import Float
from torch import Tensor

from bench.quality import ssim, structure
from bench.quality.dists import DistsDistance
from bench.quality.lpips import LpipsDistance
from bench.records.schema import MetricName

_Measure = Callable[[Tensor, Tensor], float]

_FUNCTIONS: Mapping[MetricName, _Measure] = MappingProxyType(
    {
        "ssim": ssim.measure_ssim,
        "ms_ssim": structure.measure_ms_ssim,
        "gmsd": structure.measure_gmsd,
        "haarpsi": structure.measure_haarpsi,
        "edge_ssim": ssim.measure_edge_ssim,
    }
)

_NETWORKS: Mapping[MetricName, type[DistsDistance] | type[LpipsDistance]] = MappingProxyType(
    {"lpips": LpipsDistance, "dists": DistsDistance}
)

MIN_SIDES: Mapping[MetricName, int] = MappingProxyType({"ms_ssim": structure.MS_SSIM_MIN_SIDE})
"""Shortest sides in pixels of metrics that need larger images than LPIPS does."""


class ContentMetrics:
    """The metrics that compare an output with its content image.

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
        """Load the networks that the metrics need; arguments as of `StyleMetrics`.

        Raises:
            WeightsError: The weights of a network are not found.
        """
        self.protocol: dict[MetricName, str] = {}
        self._functions: dict[MetricName, _Measure] = {
            name: function for name, function in _FUNCTIONS.items() if name in names
        }
        for name in self._functions:
            self.protocol[name] = _write_protocol(name, size)
        for name, network in _NETWORKS.items():
            if name in names:
                metric = network(device=device, progress=progress, size=size)
                self._functions[name] = metric
                self.protocol[name] = metric.protocol

    def measure(
        self, output: Float[Tensor, "1 3 h w"], content: Float[Tensor, "1 3 h w"]
    ) -> dict[MetricName, float]:
        """Return the metric values; a metric that needs larger images (`MIN_SIDES`) is left out.

        Raises:
            ShapeError: The sizes differ, or a side is shorter than 31 px.
        """
        side = min(output.shape[-2:])
        return {
            name: function(output, content)
            for name, function in self._functions.items()
            if side >= MIN_SIDES.get(name, 0)
        }


def _write_protocol(name: MetricName, size: str) -> str:
    if name == "ssim":
        return ssim.ssim_protocol(size)
    if name == "edge_ssim":
        return ssim.edge_ssim_protocol(size)
    return structure.structure_protocol(name, size)
