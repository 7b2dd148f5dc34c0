"""The table of trade-off curves of style against content."""

from collections.abc import Sequence

import pandas as pd

from bench.report.common.section import Table
from bench.report.common.summary import Summary, headline_names, raw_names
from bench.report.common.tables import NONE, machine_column
from bench.report.curves.rows import CurveRow, curve_rows
from bench.report.quality.tables import quality_cells, quality_numbers, trained_note

_NOTE = (
    "Each trained student at several strengths and several λ, over the same image pairs. Strength "
    "blends the features of the content image with the transformed features. λ regularises the "
    "transform; multiples are of the student's own λ, because features differ in scale between "
    "students. One setting trades style for content, so compare whole curves: a student is better "
    "where its curve has less Gram error at the same SSIM or LPIPS. Intervals are those of the "
    "quality table."
)


def curves_table(summary: Summary) -> Table:
    """Return a line for each point of each curve."""
    rows = curve_rows(summary)
    qualities = [row.quality for row in rows]
    headline, raw = headline_names(qualities), raw_names(qualities)
    return Table(
        name="curves",
        cells=pd.DataFrame(
            [
                {**machine_column(summary, row.quality.machine), **_cells(row, headline)}
                for row in rows
            ]
        ),
        data=pd.DataFrame([_numbers(row, raw) for row in rows], dtype=object),
        note=_NOTE + trained_note(qualities, headline),
    )


def _cells(row: CurveRow, metrics: Sequence[str]) -> dict[str, str]:
    cells = quality_cells(row.quality, metrics)
    head = {name: cells.pop(name) for name in ("Subject", "Transform")}
    shown = _regularizers(row) or NONE
    own = " (own)" if row.is_default else ""
    return {
        **head,
        "Strength": f"{row.strength:g}",
        "λ": f"{shown}{own}" if row.multiple == 1 else f"{shown} (× {row.multiple:g})",
        **cells,
    }


def _numbers(row: CurveRow, metrics: Sequence[str]) -> dict[str, object]:
    numbers = quality_numbers(row.quality, metrics)
    head = {name: numbers.pop(name) for name in ("subject", "transform")}
    setting = {
        "varied": row.varied,
        "strength": row.strength,
        "regularizer_multiple": row.multiple,
        "regularizer": _regularizers(row),
    }
    dropped = ("cost_subject", "external")
    return head | setting | {k: v for k, v in numbers.items() if k not in dropped}


def _regularizers(row: CurveRow) -> str:
    """Return λ as text: one number if all taps have the same, else one for each tap."""
    values = [f"{own * row.multiple:.10g}" for own in row.own_regularizers or ()]
    return "/".join(dict.fromkeys(values) if len({*values}) == 1 else values)
