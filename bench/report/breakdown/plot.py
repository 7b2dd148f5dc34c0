"""The plot of the time breakdown: one bar for each subject, divided into sections."""

from collections.abc import Sequence
from functools import partial

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter

from bench.records.schema import FILTER
from bench.report.breakdown.rows import OTHER, SECTIONS, BreakdownRow, breakdown_rows
from bench.report.common.figures import new_figure
from bench.report.common.formats import format_number
from bench.report.common.rows import name_subject
from bench.report.common.section import Plot
from bench.report.common.summary import Summary

BREAKDOWN_PLOT = "time-breakdown"

# Okabe and Ito's colours, distinct for all kinds of colour vision, and the colours of text on them
_COLOURS = {
    "encode": ("#0072b2", "white"),
    "covariance": ("#56b4e9", "black"),
    "eigh": ("#009e73", "white"),
    "transform": ("#f0e442", "black"),
    "decode": ("#d55e00", "white"),
    FILTER: ("#cc79a7", "black"),
    OTHER: ("#bbbbbb", "black"),
}
_SECTIONS = (*SECTIONS, FILTER)
_LEAST_LABELLED = 0.045
_ROW_INCHES = 0.36


def breakdown_plots(summary: Summary) -> list[Plot]:
    """Return the plot; none if the records come from several machines.

    It shows the resolution with most subjects, and the largest of several such.
    """
    rows = [row for row in breakdown_rows(summary) if row.sections and row.latency_ms]
    if not rows or not summary.comparable:
        return []
    sizes = [(row.width, row.height) for row in rows]
    size = max(sizes, key=lambda each: (sizes.count(each), each[0] * each[1]))
    shown = [row for row in rows if (row.width, row.height) == size]
    return [
        Plot(
            name=BREAKDOWN_PLOT,
            title="Time breakdown",
            caption=f"Share of each section in the time of one stylization at {shown[0].size}; on "
            "the right, the median latency of whole calls. The optional guided filter is left out.",
            draw=partial(_draw, shown),
        )
    ]


def _draw(rows: Sequence[BreakdownRow]) -> Figure:
    figure, axes = new_figure(7.6, 1.5 + _ROW_INCHES * len(rows))
    for place, row in enumerate(rows):
        _draw_bar(axes, place, row)
    for section in _SECTIONS:
        if any(row.share(section) for row in rows):
            axes.barh([0], [0], color=_COLOURS[section][0], label=section)
    axes.set_yticks(range(len(rows)), _labels(rows))
    axes.invert_yaxis()
    axes.tick_params(axis="y", length=0, labelsize=8.5)
    axes.spines["left"].set_visible(False)
    axes.grid(visible=False, axis="y")
    axes.set_xlim(0, 1)
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{100 * value:.0f} %"))
    axes.set_xlabel("Share of the time of one stylization")
    axes.set_title(f"Time breakdown at {rows[0].size}", fontsize=10, loc="left")
    figure.legend(
        loc="outside lower center", ncols=len(_SECTIONS), fontsize=8, frameon=False,
        handlelength=1.0, handleheight=1.0, handletextpad=0.4, columnspacing=1.2,
    )  # fmt: skip
    return figure


def _draw_bar(axes: Axes, place: int, row: BreakdownRow) -> None:
    left = 0.0
    for section in _SECTIONS:
        width = row.share(section) or 0.0
        colour, text = _COLOURS[section]
        axes.barh(
            [place], [width], left=left, height=0.74, color=colour, edgecolor="white",
            linewidth=0.6,
        )  # fmt: skip
        if width >= _LEAST_LABELLED:
            axes.text(
                left + width / 2, place, f"{100 * width:.0f} %", color=text, fontsize=7.5,
                ha="center", va="center",
            )  # fmt: skip
        left += width
    if row.latency_ms:
        axes.annotate(
            f"{format_number(row.latency_ms.value)} ms", (1.0, place), xytext=(5, 0),
            xycoords="data", textcoords="offset points", fontsize=8, va="center",
            annotation_clip=False,
        )  # fmt: skip


def _labels(rows: Sequence[BreakdownRow]) -> list[str]:
    """Name the bars; a transform is named if its subject has several."""
    names = [row.subject for row in rows]
    return [
        name_subject(row.subject, row.transform) if names.count(row.subject) > 1 else row.subject
        for row in rows
    ]
