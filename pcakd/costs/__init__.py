"""What a student costs, counted from its description: parameters, multiply-adds, bytes, memory."""

from pcakd.costs.counts import (
    TERMS,
    Counts,
    count_block,
    count_student,
    latency_terms,
    live_maps,
    peak_bytes,
)
from pcakd.costs.latency import LatencyModel, LatencySample, fit_latency_model, relative_errors

__all__ = [
    "TERMS",
    "Counts",
    "LatencyModel",
    "LatencySample",
    "count_block",
    "count_student",
    "fit_latency_model",
    "latency_terms",
    "live_maps",
    "peak_bytes",
    "relative_errors",
]
