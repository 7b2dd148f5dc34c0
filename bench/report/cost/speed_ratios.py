"""The table of paired speed measurements: two subjects timed in turn in one process."""

from collections.abc import Mapping

import pandas as pd

from bench.analysis.ratios import PairedSpeed, format_ratio, paired_speeds
from bench.analysis.stats import describe_intervals
from bench.records.identity import Machine, label_subjects
from bench.report.common.formats import format_number
from bench.report.common.summary import Summary
from bench.report.common.tables import machine_label, to_markdown

_NS_PER_MS = 1e6

Medians = Mapping[tuple[str, str, int, int, Machine], float]


def paired_section(summary: Summary) -> str:
    """Write the section of the page; empty where the records hold no paired measurement."""
    table = paired_table(summary)
    if table.empty:
        return ""
    return (
        "## Paired speed\n\n"
        "Two subjects in one process, timed in turn in alternating order (A B, B A, …) on the same "
        "images. *A / B* is the median over rounds of A's time over B's, on a logarithmic scale: B "
        "is that many times as fast as A. [low, high] is the "
        f"{describe_intervals('median', 'rounds')}. *Separate* is the ratio of the medians of the "
        "two cost cases, which ran in processes of their own, at times that need not compare: "
        f"where the two disagree, *A / B* is the one to cite.\n\n{to_markdown(table)}"
    )


def paired_table(summary: Summary) -> pd.DataFrame:
    """Return the paired measurements as text cells."""
    medians = _separate_medians(summary)
    names = label_subjects(summary.records)
    return pd.DataFrame(
        [_cells(summary, names, medians, speed) for speed in paired_speeds(summary.records)]
    )


def paired_data(summary: Summary) -> pd.DataFrame:
    """Return the paired measurements with raw numbers and units in the column names."""
    medians = _separate_medians(summary)
    names = label_subjects(summary.records)
    rows = [_numbers(names, medians, speed) for speed in paired_speeds(summary.records)]
    return pd.DataFrame(rows, dtype=object)


def _separate_medians(summary: Summary) -> dict[tuple[str, str, int, int, Machine], float]:
    """Return the medians of cost cases, by subject, transform, size and machine."""
    return {
        (row.subject, row.transform, row.width, row.height, row.machine): row.latency_ms.value
        for row in summary.cost
        if row.latency_ms
    }


def _separate_ratio(
    names: Mapping[tuple[str, str], str], medians: Medians, speed: PairedSpeed
) -> float | None:
    case = speed.case
    size = (case.width or 0, case.height or 0, speed.machine)
    first, second = _labels(names, speed)
    a = medians.get((first, case.transform, *size))
    b = medians.get((second, case.other_transform or "", *size))
    return a / b if a and b else None


def _labels(names: Mapping[tuple[str, str], str], speed: PairedSpeed) -> tuple[str, str]:
    case = speed.case
    first = names[case.subject, case.subject_hash]
    return first, names[case.other or "", case.other_hash or ""]


def _cells(
    summary: Summary,
    names: Mapping[tuple[str, str], str],
    medians: Medians,
    speed: PairedSpeed,
) -> dict[str, str]:
    case, ratio, status = speed.case, speed.ratio, speed.record.status
    first, second = _labels(names, speed)
    separate = _separate_ratio(names, medians, speed)
    machine = {} if summary.comparable else {"Machine": machine_label(summary, speed.machine)}
    return {
        **machine,
        "A": f"{first} · {case.transform}",
        "B": f"{second} · {case.other_transform}",
        "Resolution": case.resolution or f"{case.width}x{case.height}",
        "A ms": _milliseconds(speed.latency_ns, status),
        "B ms": _milliseconds(speed.other_latency_ns, status),
        "A / B": f"{format_ratio(ratio.value)}×" if ratio else status,
        "[low, high]": (
            f"[{format_ratio(ratio.low, ratio.value)}, {format_ratio(ratio.high, ratio.value)}]"
            if ratio and ratio.count > 1
            else "1 round" if ratio else status
        ),
        "Separate": "—" if separate is None else f"{format_ratio(separate)}×",
        "Rounds": str(ratio.count if ratio else 0),
        "Status": status,
    }  # fmt: skip


def _milliseconds(ns: float | None, missing: str) -> str:
    return missing if ns is None else format_number(ns / _NS_PER_MS)


def _numbers(
    names: Mapping[tuple[str, str], str], medians: Medians, speed: PairedSpeed
) -> dict[str, object]:
    case, ratio = speed.case, speed.ratio
    first, second = _labels(names, speed)
    wide = ratio if ratio and ratio.count > 1 else None
    return {
        "subject": first,
        "transform": case.transform,
        "other": second,
        "other_transform": case.other_transform,
        "resolution": case.resolution,
        "width": case.width,
        "height": case.height,
        "device": case.device,
        "device_name": case.device_name,
        "threads": case.threads,
        "status": speed.record.status,
        "reason": speed.record.reason,
        "num_rounds": ratio.count if ratio else 0,
        "latency_median_ms": None if speed.latency_ns is None else speed.latency_ns / _NS_PER_MS,
        "other_latency_median_ms": (
            None if speed.other_latency_ns is None else speed.other_latency_ns / _NS_PER_MS
        ),
        "ratio": ratio.value if ratio else None,
        "ratio_low": wide.low if wide else None,
        "ratio_high": wide.high if wide else None,
        "ratio_separate": _separate_ratio(names, medians, speed),
    }
