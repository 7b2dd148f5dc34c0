"""Cost, quality and overview tables for people, as Markdown and LaTeX."""

from collections.abc import Callable, Mapping, Sequence
from typing import get_args

import pandas as pd

from bench.quality.protocol import METRICS
from bench.records.identity import Machine
from bench.records.uncounted import UncountedOperator
from bench.report.common.formats import (
    format_bytes,
    format_count,
    format_interval,
    format_number,
    format_score,
)
from bench.report.common.rows import CostRow, QualityRow
from bench.report.common.summary import JOINED, METRIC_NAMES, Summary, joined_subject

ARROWS: dict[str, str] = {metric.name: f"{metric.title} {metric.arrow}" for metric in METRICS}
_TEXT_COLUMNS = {"Machine", "Subject", "Transform", "Resolution", "Status", "A", "B"}
_TEXT_COLUMNS |= {"Stage", "Against"}
_TEXT_COLUMNS |= {"Claim", "Published", "Where", "Verdict", "Remark", "Fact", "From", "Limited by"}
_TEXT_COLUMNS |= {"Score", "Lever", "What is moved", "Options"}
_SIZES = ("Parameters", "MACs/px content")
_LATEX = str.maketrans(
    {each: f"\\{each}" for each in "&%$#_{}"}
    | {"\\": r"\textbackslash{}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}"}
    | {
        "↓": r"$\downarrow$",
        "↑": r"$\uparrow$",
        "×": r"$\times$",
        "≈": r"$\approx$",
        "†": r"$\dagger$",
        "≥": r"$\geq$",
        "λ": r"$\lambda$",
        "—": "---",
    }
)


def cost_table(summary: Summary) -> pd.DataFrame:
    """Return the cost table as text cells; what could not be measured says why in its cell."""
    rows = [{**machine_column(summary, row.machine), **_cost_cells(row)} for row in summary.cost]
    return pd.DataFrame(rows)


def quality_table(summary: Summary) -> pd.DataFrame:
    """Return the quality table as text cells: means over pairs with intervals."""
    rows = [
        {**machine_column(summary, row.machine), **quality_cells(row)} for row in summary.quality
    ]
    return pd.DataFrame(rows)


def overview_table(summary: Summary) -> pd.DataFrame:
    """Return one line a subject and transform: size, latency at each resolution, scores.

    A figure with † is that of another subject (`overview_note` says which).
    """
    further = {row.subject for row in summary.trainings}
    keys = dict.fromkeys(
        (row.subject, row.transform, row.machine)
        for row in summary.cost
        if row.subject not in further
    )
    keys |= dict.fromkeys((row.subject, row.transform, row.machine) for row in summary.quality)
    order = {name: place for place, name in enumerate(summary.subjects)}
    ordered = sorted(keys, key=lambda key: order[key[0]])
    return pd.DataFrame([_overview_cells(summary, key) for key in ordered])


def overview_note(summary: Summary) -> str:
    """Say whose figures those with † are; empty where there are none."""
    joined = {row.subject: joined_subject(summary, row) for row in summary.quality}
    pairs = [f"{subject} has that of {payer}" for subject, payer in joined.items() if payer]
    return f"† cost of another subject: {', '.join(pairs)}; {JOINED}." if pairs else ""


def to_markdown(table: pd.DataFrame) -> str:
    """Write a table of text cells as Markdown; numbers are right-aligned."""
    columns = [str(column) for column in table.columns]
    aligned = ["left" if column in _TEXT_COLUMNS else "right" for column in columns]
    cells = table.map(lambda cell: str(cell).replace("|", "\\|"))
    return str(cells.to_markdown(index=False, colalign=aligned, disable_numparse=True)) + "\n"


def to_latex(table: pd.DataFrame, *, formats: Mapping[str, str] | None = None) -> str:
    """Write a table of text cells as LaTeX (needs the package booktabs).

    Args:
        table: The cells.
        formats: Column formats other than ``l`` for text and ``r`` for numbers, by title.
    """
    formats = dict.fromkeys(_TEXT_COLUMNS, "l") | dict(formats or {})
    columns = "".join(formats.get(str(column), "r") for column in table.columns)
    escaped = table.rename(columns=_escape_latex).map(_escape_latex)
    return str(escaped.style.hide(axis="index").to_latex(hrules=True, column_format=columns))


def _escape_latex(cell: object) -> str:
    return str(cell).translate(_LATEX)


def machine_column(summary: Summary, machine: Machine) -> dict[str, str]:
    """Return the column that tells machines apart, where there are several."""
    return {} if summary.comparable else {"Machine": machine_label(summary, machine)}


def machine_label(summary: Summary, machine: Machine) -> str:
    """Return the letter that stands for a machine: A, B and so on."""
    return chr(ord("A") + summary.machines.index(machine))


def _optional(value: float | None, write: Callable[[float], str], missing: str) -> str:
    return missing if value is None else write(value)


def _cost_cells(row: CostRow) -> dict[str, str]:
    missing = "not run" if row.status == "predicted" else row.status
    if row.status == "ok":
        missing = "not measured"
    opaque = sorted(row.uncounted.keys() & set(get_args(UncountedOperator)))
    flops = None if row.macs_total is None else 2 * row.macs_total
    return {
        "Subject": row.subject,
        "Transform": row.transform,
        "Resolution": row.size,
        "Parameters": _optional(row.num_params, lambda n: f"{n:,.0f}", missing),
        "Eigenbases": _optional(row.num_eigenbasis_params, lambda n: f"{n:,.0f}", missing),
        "MACs/px content": _optional(row.macs_per_pixel, lambda n: f"{n:,.0f}", missing),
        "MACs": _optional(row.macs_total, lambda n: _count_cell(n, opaque), missing),
        "FLOPs (2×MACs)": _optional(flops, lambda n: _count_cell(n, opaque), missing),
        "Median ms": latency_cell(row, missing),
        "p95 ms": _optional(row.latency_p95_ms, format_number, "—" if row.latency_ms else missing),
        "Interval ms": format_interval(row.latency_ms) if row.latency_ms else missing,
        "Peak memory": _memory_cell(row, missing),
        "Samples": str(row.num_samples),
        "Status": row.status,
    }


def _count_cell(count: float, opaque: Sequence[str]) -> str:
    """Write a count; work that no operator shows makes it a lower bound, or leaves nothing."""
    if not opaque:
        return format_count(count)
    return f"≥ {format_count(count)}" if count else "not counted"


def latency_cell(row: CostRow, missing: str) -> str:
    """Write the median in milliseconds; a predicted one carries ≈, and so does want of memory."""
    if row.latency_ms:
        return format_number(row.latency_ms.value)
    if row.predicted_oom:
        return "≈ OOM?" if row.near_oom else "≈ OOM"
    if row.status == "predicted" and row.predicted_latency_ms is not None:
        return f"≈ {format_number(row.predicted_latency_ms)}"
    return missing


def _memory_cell(row: CostRow, missing: str) -> str:
    if row.peak_bytes is not None:
        return format_bytes(row.peak_bytes)
    if row.status == "predicted" and row.predicted_peak_bytes is not None:
        return f"≈ {format_bytes(row.predicted_peak_bytes)}"
    return missing


def quality_cells(row: QualityRow) -> dict[str, str]:
    """Return a row of scores as text cells."""
    return {
        "Subject": row.subject,
        "Transform": row.transform,
        "Pairs": str(row.num_pairs),
        **{
            ARROWS[metric]: format_score(row.scores[metric])
            if metric in row.scores
            else _mean_cell(row, metric)
            for metric in METRIC_NAMES
        },
        "Status": _status_cell(row),
    }


def _status_cell(row: QualityRow) -> str:
    """Write ``ok`` and how many pairs ended otherwise; a subject without weights has no pairs."""
    if not row.num_pairs and set(row.failures) == {"untrained"}:
        return "untrained"
    ends = [f"{status}: {count}" for status, count in row.failures.items()]
    return "; ".join([*(["ok"] if row.num_pairs else []), *ends])


def _overview_cells(summary: Summary, key: tuple[str, str, Machine]) -> dict[str, str]:
    quality = [row for row in summary.quality if (row.subject, row.transform, row.machine) == key]
    payer = next((joined_subject(summary, row) for row in quality), None)
    source = (payer or key[0], key[1], key[2])
    cost = [row for row in summary.cost if (row.subject, row.transform, row.machine) == source]
    same = [row for row in summary.cost if row.subject == source[0]]  # whatever the transform
    params = next((row.num_params for row in same if row.num_params is not None), None)
    per_pixel = next((row.macs_per_pixel for row in same if row.macs_per_pixel is not None), None)
    cells = {
        **machine_column(summary, key[2]),
        "Subject": key[0],
        "Transform": key[1],
        "Parameters": _optional(params, lambda n: f"{n:,.0f}", "—"),
        "MACs/px content": _optional(per_pixel, lambda n: f"{n:,.0f}", "—"),
    }
    for resolution in resolutions(summary):
        row = next((row for row in cost if row.resolution == resolution), None)
        missing = row.status if row else "—"
        cells[f"{resolution} ms"] = latency_cell(row, missing) if row else missing
    if payer:
        costs = [name for name in cells if name.endswith(" ms") or name in _SIZES]
        cells |= {name: f"{cells[name]} †" for name in costs if cells[name] != "—"}
    for metric in METRIC_NAMES:
        cells[ARROWS[metric]] = _mean_cell(quality[0], metric) if quality else "—"
    return cells


def _mean_cell(row: QualityRow, metric: str) -> str:
    if metric in row.scores:
        return f"{row.scores[metric].value:.3f}"
    return ", ".join(row.failures) or "not measured"


def resolutions(summary: Summary) -> tuple[str, ...]:
    """Return the names of the resolutions of the cost rows, the smallest first."""
    ordered: Sequence[CostRow] = sorted(summary.cost, key=lambda row: row.width * row.height)
    return tuple(dict.fromkeys(row.resolution for row in ordered))
