"""The tables of where the time goes: every stage, and what thinner convolutions can gain."""

from collections.abc import Callable

import pandas as pd

from bench.records.schema import FILTER
from bench.report.breakdown.rows import STAGES, StagesRow, stage_rows
from bench.report.breakdown.thinning import Thinning, format_measured, thinnings
from bench.report.common.formats import format_bytes, format_count, format_interval, format_number
from bench.report.common.summary import Summary
from bench.report.common.tables import machine_column

_NS_PER_MS = 1e6
_NONE = "—"


def stages_table(summary: Summary) -> pd.DataFrame:
    """Return a line for each stage of each subject, as text cells."""
    lines = [
        {**machine_column(summary, row.machine), **cells}
        for row in stage_rows(summary)
        for cells in stage_cells(row)
    ]
    return pd.DataFrame(lines)


def stage_cells(row: StagesRow) -> list[dict[str, str]]:
    """Return the lines of one subject, the filter last; one line says why there are none."""
    head = {"Subject": row.subject, "Transform": row.transform, "Resolution": row.resolution}
    if not row.stages:
        columns = ("Stage", "Median ms", "Share", "MACs", "Bytes", "MACs/s", "MACs/byte")
        return [head | dict.fromkeys(columns, row.status)]
    lines = []
    for stage in (*STAGES, FILTER):
        work, share = row.stages.get(stage), row.share(stage)
        if work is None:
            continue
        rate = work.macs_per_second if row.has_rate(stage) else None
        lines.append(
            head
            | {
                "Stage": f"{stage} (optional)" if stage == FILTER else stage,
                "Median ms": format_number(work.latency_ns / _NS_PER_MS),
                "Share": _NONE if share is None else format_share(share),
                "MACs": _count(work.macs, format_count, opaque=work.opaque),
                "Bytes": _count(work.bytes, format_bytes, opaque=work.opaque),
                "MACs/s": _NONE if rate is None else format_count(rate),
                "MACs/byte": _number(work.macs_per_byte),
            }
        )
    return lines


def speedup_table(summary: Summary) -> pd.DataFrame:
    """Return a line a subject: its convolutions, their bound, and thinning as it was measured."""
    gains = {gain.student.key: gain for gain in thinnings(summary)}
    return pd.DataFrame(
        [
            {**machine_column(summary, row.machine), **_speedup_cells(row, gains.get(row.key))}
            for row in stage_rows(summary)
        ]
    )


def stages_data(summary: Summary) -> pd.DataFrame:
    """Return a line for each stage of each subject, as raw numbers."""
    lines = [
        {
            **_head(row),
            "stage": stage,
            "latency_median_ns": work.latency_ns,
            "share": row.share(stage),
            "macs": work.macs,
            "bytes": work.bytes,
            "lower_bounds": bool(work.opaque),
            "macs_per_second": work.macs_per_second if row.has_rate(stage) else None,
            "macs_per_byte": work.macs_per_byte,
        }
        for row in stage_rows(summary)
        for stage, work in row.stages.items()
    ]
    return pd.DataFrame(lines, dtype=object)


def speedup_data(summary: Summary) -> pd.DataFrame:
    """Return a line a subject, as raw numbers."""
    gains = {gain.student.key: gain for gain in thinnings(summary)}
    rows = [_speedup_numbers(row, gains.get(row.key)) for row in stage_rows(summary)]
    return pd.DataFrame(rows, dtype=object)


def format_share(share: float) -> str:
    """Write a share of the whole.

    >>> format_share(0.1234), format_share(0.001), format_share(0.0)
    ('12 %', '< 1 %', '0 %')
    """
    return "< 1 %" if 0 < share < 0.01 else f"{100 * share:.0f} %"


def _speedup_cells(row: StagesRow, gain: Thinning | None) -> dict[str, str]:
    convolutions = row.convolutions
    missing = _NONE if row.stages else row.status
    head = {
        "Subject": row.subject,
        "Transform": row.transform,
        "Resolution": row.resolution,
        "Median ms": format_number(row.latency_ms.value) if row.latency_ms else missing,
        "Interval ms": format_interval(row.latency_ms) if row.latency_ms else missing,
        "Watching": f"{100 * row.watching:+.0f} %" if row.watching is not None else missing,
    }
    cells = ("Convolutions", "MACs/s", "MACs/byte", "Bound")
    if convolutions is None or row.convolution_share is None:
        figures = dict.fromkeys(cells, missing)
    else:
        rate = convolutions.macs_per_second
        figures = {
            "Convolutions": format_share(row.convolution_share),
            "MACs/s": missing if rate is None else format_count(rate),
            "MACs/byte": _number(convolutions.macs_per_byte),
            "Bound": _times(row.bound),
        }
    return {
        **head,
        **figures,
        "Against": gain.full.subject if gain else missing,
        "Fewer MACs": _times(gain.macs_ratio if gain else None),
        "Expected": _times(gain.expected if gain else None),
        "Measured": format_measured(gain) if gain else _NONE,
    }


def _speedup_numbers(row: StagesRow, gain: Thinning | None) -> dict[str, object]:
    convolutions = row.convolutions
    paired = gain.paired if gain else None
    return {
        **_head(row),
        "status": row.status,
        "latency_median_ms": row.latency_ms.value if row.latency_ms else None,
        "watching_share": row.watching,
        "convolution_share": row.convolution_share,
        "convolution_macs": convolutions.macs if convolutions else None,
        "convolution_bytes": convolutions.bytes if convolutions else None,
        "convolution_macs_per_second": convolutions.macs_per_second if convolutions else None,
        "speedup_bound": row.bound,
        "against": gain.full.subject if gain else None,
        "macs_ratio": gain.macs_ratio if gain else None,
        "speedup_expected": gain.expected if gain else None,
        "speedup_measured": gain.measured if gain else None,
        "speedup_measured_low": paired.low if paired else None,
        "speedup_measured_high": paired.high if paired else None,
        "speedup_measured_rounds": paired.count if paired else None,
    }


def _head(row: StagesRow) -> dict[str, object]:
    return {
        "subject": row.subject,
        "transform": row.transform,
        "resolution": row.resolution,
        "width": row.width,
        "height": row.height,
        "device": row.machine[0],
        "device_name": row.machine[1],
        "threads": row.machine[2],
    }


def _count(value: float | None, write: Callable[[float], str], *, opaque: int) -> str:
    """Write a count; beside work that nothing counts it is a lower bound, or nothing."""
    if value is None or (opaque and not value):
        return "not counted"
    return f"≥ {write(value)}" if opaque else write(value)


def _number(value: float | None) -> str:
    return _NONE if value is None else format_number(value)


def _times(value: float | None) -> str:
    return _NONE if value is None else f"{format_number(value)}×"
