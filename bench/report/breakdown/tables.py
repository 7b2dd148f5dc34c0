"""The tables of the time breakdown: all sections, and the speed-up that thinner networks give."""

import pandas as pd

from bench.records.identity import is_disturbed
from bench.records.schema import FILTER
from bench.records.units import NS_PER_MS
from bench.report.breakdown.rows import SECTIONS, BreakdownRow, breakdown_rows
from bench.report.breakdown.thinning import Thinning, format_measured, thinnings
from bench.report.common.formats import (
    format_bytes,
    format_count,
    format_interval,
    format_lower_bound,
    format_number,
    format_share,
)
from bench.report.common.section import Table
from bench.report.common.summary import Summary
from bench.report.common.tables import NONE, case_numbers, machine_column, optional

SECTION_COLUMNS = ("Section", "Median ms", "Share", "MACs", "Bytes", "MACs/s", "MACs/byte")

_BREAKDOWN_NOTE = (
    "*Median ms* is measured on the tiled networks. *MACs* and *Bytes* are counted on the networks "
    "without tiles: *Bytes* is what operators read and write, each operand once and completely, "
    "without caches. The fewer *MACs/byte*, the more a section depends on memory bandwidth. "
    "Tiles keep part of the traffic in caches. They also fold a network's transform "
    "into the next convolution (but not in the detail bands of WCT²), so the transform has no "
    "*MACs/s*. The guided filter is timed with OpenCV and counted on an equivalent filter in "
    "torch, so OpenCV may do less work than counted."
)
_SPEEDUP_NOTE = """\
- *Timer overhead*: the sum of the sections compared with uninstrumented calls. It includes the
  noise between calls.
- *Convolution share*: p, the share of time in encode and decode, which distillation makes thinner.
  *MACs/s* and *MACs/byte* are those of encode and decode.
- *Amdahl bound*: 1 / (1 - p), the speed-up if encode and decode took no time.
- *Full-width model*: the model that a student is compared with.
- *MACs ratio*: r, the ratio of their multiply-adds in encode and decode, for both images.
- *Expected speed-up*: 1 / ((1 - p) + p / r) with the p of the full-width model. It assumes the same
  *MACs/s* and unchanged times of all other sections.
- *Measured speed-up*: the ratio of their times. With [low, high] it is from an interleaved
  measurement (*Speed ratios*), without it is from the medians of two processes. It may exceed the
  expected one, because thinner networks also make covariance, eigh and transform cheaper."""


def breakdown_table(summary: Summary) -> Table:
    """Return a line for each section of each subject."""
    rows = breakdown_rows(summary)
    cells = [
        {**machine_column(summary, row.machine), **cells}
        for row in rows
        for cells in section_cells(row)
    ]
    return Table(
        name="time-breakdown",
        cells=pd.DataFrame(cells),
        data=pd.DataFrame([line for row in rows for line in _section_numbers(row)], dtype=object),
        note=f"{_BREAKDOWN_NOTE}{_disturbed_note(summary)}",
    )


def _disturbed_note(summary: Summary) -> str:
    """Name the subjects during whose time breakdown the machine changed."""
    disturbed = [
        f"`{record.case.subject}` at {record.case.resolution}"
        for record in summary.records
        if record.kind == "stages" and is_disturbed(record)
    ]
    return f" The machine changed during that of {', '.join(disturbed)}." if disturbed else ""


def speedup_table(summary: Summary) -> Table:
    """Return a line for each subject: its convolutions, and the speed-up by thinner ones."""
    gains = {gain.student.key: gain for gain in thinnings(summary)}
    rows = breakdown_rows(summary)
    cells = [
        {**machine_column(summary, row.machine), **_speedup_cells(row, gains.get(row.key))}
        for row in rows
    ]
    return Table(
        name="speedup",
        cells=pd.DataFrame(cells),
        data=pd.DataFrame(
            [_speedup_numbers(row, gains.get(row.key)) for row in rows], dtype=object
        ),
        note=_SPEEDUP_NOTE,
    )


def section_cells(row: BreakdownRow) -> list[dict[str, str]]:
    """Return the lines of one subject, the filter last; one line with the status if it failed."""
    head = {"Subject": row.subject, "Transform": row.transform, "Resolution": row.resolution}
    if not row.sections:
        return [head | dict.fromkeys(SECTION_COLUMNS, row.status)]
    lines = []
    for section in (*SECTIONS, FILTER):
        work = row.sections.get(section)
        if work is None:
            continue
        rate = work.macs_per_second if row.has_rate(section) else None
        lines.append(
            head
            | {
                "Section": f"{section} (optional)" if row.is_optional(section) else section,
                "Median ms": format_number(work.latency_ns / NS_PER_MS),
                "Share": optional(row.share(section), format_share),
                "MACs": format_lower_bound(work.macs, format_count, uncounted=bool(work.opaque)),
                "Bytes": format_lower_bound(work.bytes, format_bytes, uncounted=bool(work.opaque)),
                "MACs/s": optional(rate, format_count),
                "MACs/byte": optional(work.macs_per_byte, format_number),
            }
        )
    return lines


def _section_numbers(row: BreakdownRow) -> list[dict[str, object]]:
    return [
        {
            **case_numbers(row),
            "section": section,
            "latency_median_ns": work.latency_ns,
            "share": row.share(section),
            "macs": work.macs,
            "bytes": work.bytes,
            "lower_bounds": bool(work.opaque),
            "macs_per_second": work.macs_per_second if row.has_rate(section) else None,
            "macs_per_byte": work.macs_per_byte,
        }
        for section, work in row.sections.items()
    ]


def _speedup_cells(row: BreakdownRow, gain: Thinning | None) -> dict[str, str]:
    work = row.convolutions
    missing = NONE if row.sections else row.status
    overhead = row.timer_overhead
    return {
        "Subject": row.subject,
        "Transform": row.transform,
        "Resolution": row.resolution,
        "Median ms": format_number(row.latency_ms.value) if row.latency_ms else missing,
        "Interval ms": format_interval(row.latency_ms) if row.latency_ms else missing,
        "Timer overhead": optional(overhead, lambda share: f"{100 * share:+.0f} %", missing),
        "Convolution share": optional(row.convolution_share, format_share, missing),
        "MACs/s": optional(work.macs_per_second if work else None, format_count, missing),
        "MACs/byte": optional(work.macs_per_byte if work else None, format_number, missing),
        "Amdahl bound": optional(row.bound, _times, missing),
        "Full-width model": gain.full.subject if gain else missing,
        "MACs ratio": _times(gain.macs_ratio) if gain else NONE,
        "Expected speed-up": _times(gain.expected) if gain else NONE,
        "Measured speed-up": format_measured(gain) if gain else NONE,
    }


def _speedup_numbers(row: BreakdownRow, gain: Thinning | None) -> dict[str, object]:
    convolutions = row.convolutions
    interval = gain.interleaved if gain else None
    return {
        **case_numbers(row),
        "status": row.status,
        "latency_median_ms": row.latency_ms.value if row.latency_ms else None,
        "timer_overhead": row.timer_overhead,
        "convolution_share": row.convolution_share,
        "convolution_macs": convolutions.macs if convolutions else None,
        "convolution_bytes": convolutions.bytes if convolutions else None,
        "convolution_macs_per_second": convolutions.macs_per_second if convolutions else None,
        "speedup_bound": row.bound,
        "full_width_model": gain.full.subject if gain else None,
        "macs_ratio": gain.macs_ratio if gain else None,
        "speedup_expected": gain.expected if gain else None,
        "speedup_measured": gain.measured if gain else None,
        "speedup_measured_low": interval.low if interval else None,
        "speedup_measured_high": interval.high if interval else None,
        "speedup_measured_processes": interval.count if interval else None,
    }


def _times(value: float) -> str:
    return f"{format_number(value)}×"
