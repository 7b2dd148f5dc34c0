"""Tables as Markdown, LaTeX and CSV, and the column that names the machine."""

from collections.abc import Callable, Mapping

import pandas as pd

from bench.quality.protocol import METRICS
from bench.records.identity import Machine
from bench.report.common.rows import CaseRow
from bench.report.common.summary import Summary

NONE = "—"
"""The cell of a figure that does not exist."""

ARROWS: dict[str, str] = {metric.name: f"{metric.title} {metric.arrow}" for metric in METRICS}
"""Column titles of the metrics, with the better direction."""

_TEXT_COLUMNS = {"Machine", "Subject", "Transform", "Resolution", "Status", "A", "B"}
_TEXT_COLUMNS |= {"Section", "Full-width model", "Metric", "Method", "What it is"}
_TEXT_COLUMNS |= {"Claim", "Published", "Where", "Verdict", "Remark", "Fact", "From", "Limited by"}
_TEXT_COLUMNS |= {"Ablation", "What changes", "Options", "Commit", "torch"}
_TEXT_COLUMNS |= {"Compared with", "Order changes"}
_TEXT_COLUMNS |= {"Student", "Family", "Ranks", "Cost", "Pareto front", "Reference point"}
_TEXT_COLUMNS |= {"Training", "Predictor"}
_SYMBOLS = str.maketrans(
    {
        "↓": r"$\downarrow$",
        "↑": r"$\uparrow$",
        "×": r"$\times$",
        "≈": r"$\approx$",
        "†": r"$\dagger$",
        "‡": r"$\ddagger$",
        "≥": r"$\geq$",
        "λ": r"$\lambda$",
        "`": "",
        "—": "---",
    }
)


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
    style = table.style.hide(axis="index").format(_write_symbols, escape="latex")
    style = style.format_index(_write_symbols, axis="columns", escape="latex")
    return str(style.to_latex(hrules=True, column_format=columns))


def to_csv(table: pd.DataFrame) -> str:
    """Write a table of raw numbers as CSV with full precision."""
    return str(table.to_csv(index=False, lineterminator="\n"))


def machine_column(summary: Summary, machine: Machine) -> dict[str, str]:
    """Return the column that names the machine; no column if there is one machine."""
    return {} if summary.comparable else {"Machine": machine_label(summary, machine)}


def machine_label(summary: Summary, machine: Machine) -> str:
    """Return the letter that stands for a machine: A, B and so on."""
    return chr(ord("A") + summary.machines.index(machine))


def machine_numbers(machine: Machine) -> dict[str, object]:
    """Return the columns of raw data that identify a machine."""
    return {
        "device": machine.device,
        "device_name": machine.device_name,
        "threads": machine.threads,
    }


def case_numbers(row: CaseRow) -> dict[str, object]:
    """Return the columns of raw data that identify a case at a resolution."""
    return {
        "subject": row.subject,
        "transform": row.transform,
        "resolution": row.resolution,
        "width": row.width,
        "height": row.height,
        **machine_numbers(row.machine),
    }


def optional(value: float | None, write: Callable[[float], str], missing: str = NONE) -> str:
    """Format a figure that may be missing."""
    return missing if value is None else write(value)


def _write_symbols(cell: object) -> str:
    return str(cell).translate(_SYMBOLS)
