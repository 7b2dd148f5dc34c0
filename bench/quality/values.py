"""The metric values of one output."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class MetricValues:
    """The quality of one output; None where a metric was not measured.

    `bench.quality.protocol.METRICS` has titles and directions, `bench.records.schema.Record`
    documents each metric.
    """

    gram: float | None = None
    ssim: float | None = None
    lpips: float | None = None
    bounded_gram: float | None = None
    alexnet_gram: float | None = None
    sliced_wasserstein: float | None = None
    histogram_correlation: float | None = None
    ms_ssim: float | None = None
    gmsd: float | None = None
    haarpsi: float | None = None
    edge_ssim: float | None = None
    dists: float | None = None
