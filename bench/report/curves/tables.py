"""The table of curves of style against content, and their section of the page."""

from collections.abc import Sequence

import pandas as pd

from bench.report.common.data import quality_numbers
from bench.report.common.summary import Summary
from bench.report.common.tables import machine_column, quality_cells, to_markdown
from bench.report.curves.plot import CURVES_PLOT
from bench.report.curves.rows import CurveRow, curve_rows
from bench.report.gallery import Plot

_NONE = "—"
_NOTE = (
    "Each trained student at other strengths and at other λ than its own, on the same pairs. A "
    "single point says how one setting trades style for content; a student is better than another "
    "where its whole curve is, towards less Gram error at the same SSIM or LPIPS. Strength blends "
    "the features of the content with the transformed ones; λ regularises the transform, and "
    "multiples are of each student's own one, as its features have a scale of their own. Intervals "
    "are those of the table of quality."
)


def curves_table(summary: Summary) -> pd.DataFrame:
    """Return the table as text cells: a line for each place on each curve."""
    return pd.DataFrame(
        [
            {**machine_column(summary, row.quality.machine), **_cells(row)}
            for row in curve_rows(summary)
        ]
    )


def curves_data(summary: Summary) -> pd.DataFrame:
    """Return the rows as raw numbers."""
    lines = []
    for row in curve_rows(summary):
        numbers = quality_numbers(row.quality)
        place = {
            "by": row.by,
            "strength": row.strength,
            "regularizer_multiple": row.multiple,
            "regularizer": _regularizers(row),
        }
        head = {name: numbers.pop(name) for name in ("subject", "transform")}
        dropped = ("cost_subject", "made_elsewhere")
        lines.append(head | place | {k: v for k, v in numbers.items() if k not in dropped})
    return pd.DataFrame(lines, dtype=object)


def curves_section(summary: Summary, plots: Sequence[Plot]) -> str:
    """Write the section; nothing where no record is of a curve."""
    if not curve_rows(summary):
        return ""
    parts = ["## Curves of style against content\n"]
    parts += [
        f"![{plot.title}](plots/{plot.name}.png)\n\n{plot.caption}\n"
        for plot in plots
        if plot.name == CURVES_PLOT
    ]
    parts += [f"{_NOTE}\n", to_markdown(curves_table(summary))]
    return "\n".join(parts)


def _cells(row: CurveRow) -> dict[str, str]:
    cells = quality_cells(row.quality)
    head = {name: cells.pop(name) for name in ("Subject", "Transform")}
    shown = _regularizers(row) or _NONE
    own = " (own)" if row.is_operating_point else ""
    return {
        **head,
        "Strength": f"{row.strength:g}",
        "λ": f"{shown}{own}" if row.multiple == 1 else f"{shown} (× {row.multiple:g})",
        **cells,
    }


def _regularizers(row: CurveRow) -> str:
    """Return λ as text: one number where all taps have the same, else one a tap."""
    values = [f"{own * row.multiple:.10g}" for own in row.own_regularizers or ()]
    return "/".join(dict.fromkeys(values) if len({*values}) == 1 else values)
