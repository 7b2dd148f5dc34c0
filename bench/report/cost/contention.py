"""The table of latencies beside other programs."""

from dataclasses import dataclass

import pandas as pd

from bench.analysis.stats import ProcessInterval, process_interval
from bench.records.identity import is_disturbed, label_subjects, machine_of
from bench.records.schema import Record
from bench.records.units import NS_PER_MS
from bench.report.common.formats import format_interval, format_number, format_processes
from bench.report.common.rows import CaseRow
from bench.report.common.section import Table
from bench.report.common.summary import Summary
from bench.report.common.tables import NONE, case_numbers, machine_column


@dataclass(frozen=True, slots=True, kw_only=True)
class ContentionRow(CaseRow):
    """A case on a quiet machine and on a busy one.

    Attributes:
        quiet_ms: Over the processes of its cost case; None if there is none.
        busy_ms: The same beside other programs; None if it was not measured.
        num_disturbed: Processes beside other programs during which the machine changed.
    """

    quiet_ms: ProcessInterval | None
    busy_ms: ProcessInterval | None
    num_disturbed: int

    @property
    def slowdown(self) -> float | None:
        """How many times as long a call takes beside other programs."""
        if self.quiet_ms is None or self.busy_ms is None:
            return None
        return self.busy_ms.value / self.quiet_ms.value


def contention_rows(summary: Summary) -> list[ContentionRow]:
    """Return a row for each case that was measured beside other programs."""
    names = label_subjects(summary.records)
    groups: dict[str, list[Record]] = {}
    for record in summary.records:
        if record.kind == "contention":
            groups.setdefault(record.case_hash, []).append(record)
    quiet = {
        (row.subject, row.transform, row.width, row.height, row.machine): row.latency_ms
        for row in summary.cost
    }
    rows = []
    for group in groups.values():
        first = min(group, key=lambda record: record.repeat)
        case, machine = first.case, machine_of(first)
        subject = names[case.subject, case.subject_hash]
        size = case.width or 0, case.height or 0
        measured = [record for record in group if record.status == "ok" and record.latency_ns]
        processes = [[ns / NS_PER_MS for ns in record.latency_ns or ()] for record in measured]
        rows.append(
            ContentionRow(
                subject=subject,
                transform=case.transform,
                resolution=case.resolution or f"{size[0]}x{size[1]}",
                width=size[0],
                height=size[1],
                machine=machine,
                status=first.status,
                quiet_ms=quiet.get((subject, case.transform, *size, machine)),
                busy_ms=process_interval(processes) if processes else None,
                num_disturbed=sum(map(is_disturbed, measured)),
            )
        )
    return rows


def contention_table(summary: Summary) -> Table:
    """Return the table; empty if nothing was measured beside other programs."""
    rows = contention_rows(summary)
    return Table(
        name="contention",
        cells=pd.DataFrame(
            [{**machine_column(summary, row.machine), **_cells(row)} for row in rows]
        ),
        data=pd.DataFrame([_numbers(row) for row in rows], dtype=object),
        note=(
            "Latency on a quiet machine and beside as many endless loops, in processes of their "
            "own, as there are threads: median over processes, and its 95 % interval from 3 "
            "processes up. *Slowdown* is the ratio of the two medians."
        ),
    )


def _cells(row: ContentionRow) -> dict[str, str]:
    return {
        "Subject": row.subject,
        "Transform": row.transform,
        "Resolution": row.resolution,
        "Quiet ms": format_number(row.quiet_ms.value) if row.quiet_ms else NONE,
        "Busy ms": format_number(row.busy_ms.value) if row.busy_ms else row.status,
        "Interval ms": format_interval(row.busy_ms) if row.busy_ms else row.status,
        "Slowdown": f"{format_number(row.slowdown)}×" if row.slowdown else NONE,
        "Processes": format_processes(row.busy_ms.count if row.busy_ms else 0, row.num_disturbed),
        "Status": row.status,
    }


def _numbers(row: ContentionRow) -> dict[str, object]:
    busy = row.busy_ms
    return {
        **case_numbers(row),
        "status": row.status,
        "latency_median_ms": row.quiet_ms.value if row.quiet_ms else None,
        "contention_median_ms": busy.value if busy else None,
        "contention_median_low_ms": busy.low if busy else None,
        "contention_median_high_ms": busy.high if busy else None,
        "num_processes": busy.count if busy else 0,
        "num_disturbed_processes": row.num_disturbed,
        "slowdown": row.slowdown,
    }
