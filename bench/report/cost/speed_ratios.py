"""The table of speed ratios: two subjects timed in turn in one process."""

from collections.abc import Mapping

import pandas as pd

from bench.analysis.ratios import (
    BESIDE,
    SpeedRatio,
    format_ratio,
    format_ratio_interval,
    speed_ratios,
)
from bench.analysis.stats import Interval, separate_ratio_interval
from bench.records.identity import Machine, label_subjects, machine_of
from bench.records.units import NS_PER_MS
from bench.report.common.formats import format_number, format_processes
from bench.report.common.rows import name_subject
from bench.report.common.section import Table
from bench.report.common.summary import Summary
from bench.report.common.tables import NONE, machine_column, machine_numbers

Processes = Mapping[tuple[str, str, int, int, Machine], list[list[int]]]
"""Samples of each process by subject, transform, size and machine."""


def speed_ratio_table(summary: Summary) -> Table:
    """Return the table; empty if the records hold no interleaved measurement."""
    names = label_subjects(summary.records)
    processes = _processes_of_cost(summary, names)
    speeds = speed_ratios(summary.records, busy=True)
    is_busy = any(speed.case.beside for speed in speeds)
    return Table(
        name="speed-ratios",
        cells=pd.DataFrame(
            [_cells(summary, names, processes, speed, is_busy=is_busy) for speed in speeds]
        ),
        data=pd.DataFrame([_numbers(names, processes, speed) for speed in speeds], dtype=object),
        note=(
            "Interleaved measurements: a process times two subjects in turn (A B, B A, …) on the "
            "same images. *A / B* is the median of A's time divided by B's time, over the rounds "
            "of a process and then over processes: B is that many times as fast as A. [low, high] "
            "is its 95 % interval over processes, from 3 up. *Separate runs* is the ratio of the "
            "medians in the table of costs, which were measured in other processes at other "
            "times, with its 95 % interval (Welch's t on logarithms of the processes' medians). "
            "If the two ratios disagree, cite *A / B*."
        ),
    )


def _processes_of_cost(summary: Summary, names: Mapping[tuple[str, str], str]) -> Processes:
    found: dict[tuple[str, str, int, int, Machine], list[list[int]]] = {}
    for record in summary.records:
        case = record.case
        if record.kind == "cost" and record.status == "ok" and record.latency_ns:
            label = names[case.subject, case.subject_hash]
            key = (label, case.transform, case.width or 0, case.height or 0, machine_of(record))
            found.setdefault(key, []).append(record.latency_ns)
    return found


def _separate_ratio(
    names: Mapping[tuple[str, str], str], processes: Processes, speed: SpeedRatio
) -> Interval | None:
    case = speed.case
    size = (case.width or 0, case.height or 0, speed.machine)
    first, second = _labels(names, speed)
    if case.beside:  # the table of costs is of a quiet machine
        return None
    a = processes.get((first, case.transform, *size))
    b = processes.get((second, case.other_transform or "", *size))
    return separate_ratio_interval(a, b) if a and b else None


def _labels(names: Mapping[tuple[str, str], str], speed: SpeedRatio) -> tuple[str, str]:
    case = speed.case
    first = names[case.subject, case.subject_hash]
    return first, names[case.other or "", case.other_hash or ""]


def _cells(
    summary: Summary,
    names: Mapping[tuple[str, str], str],
    processes: Processes,
    speed: SpeedRatio,
    *,
    is_busy: bool,
) -> dict[str, str]:
    case, ratio, status = speed.case, speed.ratio, speed.record.status
    first, second = _labels(names, speed)
    separate = _separate_ratio(names, processes, speed)
    return {
        **machine_column(summary, speed.machine),
        "A": name_subject(first, case.transform),
        "B": name_subject(second, case.other_transform or "none"),
        "Resolution": case.resolution or f"{case.width}x{case.height}",
        **({"Beside": BESIDE.get(case.beside or "", NONE)} if is_busy else {}),
        "A ms": _milliseconds(speed.latency_ns, status),
        "B ms": _milliseconds(speed.other_latency_ns, status),
        "A / B": f"{format_ratio(ratio.value)}×" if ratio else status,
        "[low, high]": format_ratio_interval(ratio) or NONE if ratio else status,
        "Separate runs": _format_separate(separate) if separate else NONE,
        "Processes": format_processes(speed.num_processes, speed.num_disturbed),
        "Rounds": str(speed.num_rounds),
        "Status": status,
    }  # fmt: skip


def _format_separate(ratio: Interval) -> str:
    return f"{format_ratio(ratio.value)}× {format_ratio_interval(ratio)}".rstrip()


def _milliseconds(ns: float | None, missing: str) -> str:
    return missing if ns is None else format_number(ns / NS_PER_MS)


def _numbers(
    names: Mapping[tuple[str, str], str], processes: Processes, speed: SpeedRatio
) -> dict[str, object]:
    case, ratio = speed.case, speed.ratio
    first, second = _labels(names, speed)
    separate = _separate_ratio(names, processes, speed)
    return {
        "subject": first,
        "transform": case.transform,
        "other": second,
        "other_transform": case.other_transform,
        "resolution": case.resolution,
        "width": case.width,
        "height": case.height,
        "beside": case.beside,
        **machine_numbers(speed.machine),
        "status": speed.record.status,
        "reason": speed.record.reason,
        "num_processes": speed.num_processes,
        "num_disturbed_processes": speed.num_disturbed,
        "num_rounds": speed.num_rounds,
        "latency_median_ms": None if speed.latency_ns is None else speed.latency_ns / NS_PER_MS,
        "other_latency_median_ms": (
            None if speed.other_latency_ns is None else speed.other_latency_ns / NS_PER_MS
        ),
        "ratio": ratio.value if ratio else None,
        "ratio_low": ratio.low if ratio else None,
        "ratio_high": ratio.high if ratio else None,
        "ratio_separate": separate.value if separate else None,
        "ratio_separate_low": separate.low if separate else None,
        "ratio_separate_high": separate.high if separate else None,
    }
