"""The table of costs: parameters, multiply-adds, latency and peak memory."""

from functools import partial
from typing import Literal, get_args

import pandas as pd

from bench.analysis.stats import Interval
from bench.records.uncounted import UncountedOperator
from bench.report.common.formats import (
    format_bytes,
    format_count,
    format_interval,
    format_lower_bound,
    format_number,
    format_processes,
)
from bench.report.common.rows import CostRow
from bench.report.common.section import Table
from bench.report.common.summary import Summary
from bench.report.common.tables import NONE, case_numbers, machine_column, optional


def cost_table(summary: Summary) -> Table:
    """Return the table of all cases; a figure that could not be measured says why in its cell."""
    return Table(
        name="cost",
        cells=pd.DataFrame(
            [{**machine_column(summary, row.machine), **_cells(row)} for row in summary.cost]
        ),
        data=pd.DataFrame([_numbers(row) for row in summary.cost], dtype=object),
        note=(
            "*Median ms* is the median over the medians of the processes that timed a case, and "
            "*Interval ms* its 95 % interval over processes, from 3 up: t on logarithms. *Within* "
            "and *Between* are the coefficients of variation of the samples of a process and of "
            "the medians. A process is *disturbed* if the calibration before and after it differs "
            "by more than the protocol of the records allows. *MACs* are multiply-adds for both "
            "images; *MACs per content pixel* are those of the convolutions on the content path. "
            "*Eigenbasis parameters* are used in training only. ≈ predicted and not run; ≥ lower "
            "bound, because part of the work is uncounted."
        ),
    )


def latency_cell(row: CostRow, missing: str) -> str:
    """Write the median in milliseconds; ≈ marks a prediction, of out of memory too."""
    if row.latency_ms:
        return format_number(row.latency_ms.value)
    if row.predicted_oom:
        return "≈ OOM?" if row.near_oom else "≈ OOM"
    if row.status == "predicted" and row.predicted_latency_ms is not None:
        return f"≈ {format_number(row.predicted_latency_ms)}"
    return missing


def whole_number(value: float) -> str:
    """Write a whole number with commas."""
    return f"{value:,.0f}"


def _cells(row: CostRow) -> dict[str, str]:
    missing = "not run" if row.status == "predicted" else row.status
    if row.status == "ok":
        missing = "not measured"
    uncounted = bool(row.uncounted.keys() & set(get_args(UncountedOperator)))
    count = partial(format_lower_bound, write=format_count, uncounted=uncounted)
    flops = None if row.macs_total is None else 2 * row.macs_total
    return {
        "Subject": row.subject,
        "Transform": row.transform,
        "Resolution": row.size,
        "Parameters": optional(row.num_params, whole_number, missing),
        "Eigenbasis parameters": optional(row.num_eigenbasis_params, whole_number, missing),
        "MACs per content pixel": optional(row.macs_per_pixel, whole_number, missing),
        "MACs": optional(row.macs_total, count, missing),
        "FLOPs (2×MACs)": optional(flops, count, missing),
        "Median ms": latency_cell(row, missing),
        "p95 ms": optional(row.latency_p95_ms, format_number, NONE if row.latency_ms else missing),
        "Interval ms": format_interval(row.latency_ms) if row.latency_ms else missing,
        "Within": _variation(row, "within", missing),
        "Between": _variation(row, "between", missing),
        "Peak memory": _memory_cell(row, missing),
        "Processes": _processes(row),
        "Samples": str(row.num_samples),
        "Status": row.status,
    }


def _variation(row: CostRow, name: Literal["within", "between"], missing: str) -> str:
    if row.latency_ms is None:
        return missing
    return optional(getattr(row.latency_ms, name), lambda share: f"{100 * share:.1f} %")


def _processes(row: CostRow) -> str:
    if row.latency_ms is None:
        return "0"
    return format_processes(row.latency_ms.count, row.num_disturbed)


def _memory_cell(row: CostRow, missing: str) -> str:
    if row.peak_bytes is not None:
        return format_bytes(row.peak_bytes)
    if row.status == "predicted" and row.predicted_peak_bytes is not None:
        return f"≈ {format_bytes(row.predicted_peak_bytes)}"
    return missing


def _bounds(interval: Interval | None) -> dict[str, object]:
    """Return a median and the ends of its interval, which few samples do not have."""
    return {
        "latency_median_ms": interval.value if interval else None,
        "latency_median_low_ms": interval.low if interval else None,
        "latency_median_high_ms": interval.high if interval else None,
    }


def _numbers(row: CostRow) -> dict[str, object]:
    return {
        **case_numbers(row),
        "status": row.status,
        "reason": row.reason,
        "num_params": row.num_params,
        "num_eigenbasis_params": row.num_eigenbasis_params,
        "macs_content": row.macs_content,
        "macs_per_content_pixel": row.macs_per_pixel,
        "macs_total": row.macs_total,
        "flops_total": None if row.macs_total is None else 2 * row.macs_total,
        "num_processes": row.latency_ms.count if row.latency_ms else 0,
        "num_disturbed_processes": row.num_disturbed,
        "num_samples": row.num_samples,
        **_bounds(row.latency_ms),
        "latency_variation_within": row.latency_ms.within if row.latency_ms else None,
        "latency_variation_between": row.latency_ms.between if row.latency_ms else None,
        "latency_p95_ms": row.latency_p95_ms,
        "peak_bytes": row.peak_bytes,
        "predicted_latency_ms": row.predicted_latency_ms,
        "predicted_peak_bytes": row.predicted_peak_bytes,
        "predicted_oom": row.predicted_oom,
        "allowed_bytes": row.allowed_bytes,
    }
