"""The rows as raw numbers for programs, written as CSV."""

import pandas as pd

from bench.report.common.rows import CostRow, QualityRow
from bench.report.common.summary import METRIC_NAMES, Interval, Summary


def cost_data(summary: Summary) -> pd.DataFrame:
    """Return the cost rows with raw numbers and units in the column names."""
    return pd.DataFrame([_cost_numbers(row) for row in summary.cost], dtype=object)


def quality_data(summary: Summary) -> pd.DataFrame:
    """Return the quality rows with raw numbers."""
    return pd.DataFrame([quality_numbers(row) for row in summary.quality], dtype=object)


def to_csv(table: pd.DataFrame) -> str:
    """Write a table of raw numbers as CSV with full precision."""
    return str(table.to_csv(index=False, lineterminator="\n"))


def _bounds(name: str, unit: str, interval: Interval | None) -> dict[str, float | None]:
    """Return a figure and the ends of its interval, which one sample does not have."""
    wide = interval if interval and interval.count > 1 else None
    return {
        f"{name}{unit}": interval.value if interval else None,
        f"{name}_low{unit}": wide.low if wide else None,
        f"{name}_high{unit}": wide.high if wide else None,
    }


def _cost_numbers(row: CostRow) -> dict[str, object]:
    return {
        "subject": row.subject,
        "transform": row.transform,
        "resolution": row.resolution,
        "width": row.width,
        "height": row.height,
        "device": row.machine[0],
        "device_name": row.machine[1],
        "threads": row.machine[2],
        "status": row.status,
        "reason": row.reason,
        "num_params": row.num_params,
        "num_eigenbasis_params": row.num_eigenbasis_params,
        "macs_content": row.macs_content,
        "macs_per_content_pixel": row.macs_per_pixel,
        "macs_total": row.macs_total,
        "flops_total": None if row.macs_total is None else 2 * row.macs_total,
        "num_samples": row.num_samples,
        **_bounds("latency_median", "_ms", row.latency_ms),
        "latency_p95_ms": row.latency_p95_ms,
        "peak_bytes": row.peak_bytes,
        "predicted_latency_ms": row.predicted_latency_ms,
        "predicted_peak_bytes": row.predicted_peak_bytes,
        "predicted_oom": row.predicted_oom,
        "allowed_bytes": row.allowed_bytes,
    }


def quality_numbers(row: QualityRow) -> dict[str, object]:
    """Return a row of scores as raw numbers."""
    numbers: dict[str, object] = {
        "subject": row.subject,
        "transform": row.transform,
        "device": row.machine[0],
        "device_name": row.machine[1],
        "threads": row.machine[2],
        "num_pairs": row.num_pairs,
        "num_failed": sum(row.failures.values()),
    }
    for metric in METRIC_NAMES:
        numbers |= _bounds(metric, "", row.scores.get(metric))
    return numbers | {"cost_subject": row.cost_subject, "made_elsewhere": row.outside}
