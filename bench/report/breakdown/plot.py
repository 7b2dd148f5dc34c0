"""The plot of where the time goes: one bar a subject, cut into its stages."""

from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter

from bench.report.breakdown.rows import OTHER, STAGES, StagesRow, stage_rows
from bench.report.common.formats import format_number
from bench.report.common.summary import Summary
from bench.report.gallery import Plot
from bench.report.pareto.plots import new_figure

STAGES_PLOT = "stages"

# Okabe and Ito's colours, which people with any colour vision tell apart, and of the text on them
_COLOURS = {
    "encode": ("#0072b2", "white"),
    "covariance": ("#56b4e9", "black"),
    "eigh": ("#009e73", "white"),
    "transform": ("#f0e442", "black"),
    "decode": ("#d55e00", "white"),
    OTHER: ("#bbbbbb", "black"),
}
_LEAST_LABELLED = 0.045
_ROW_INCHES = 0.36


def draw_stages(summary: Summary) -> list[Plot]:
    """Draw the shares of all stages, subject by subject; nothing where machines are mixed.

    Of several resolutions the one with most subjects is drawn, and of equals the largest.
    """
    rows = [row for row in stage_rows(summary) if row.stages and row.latency_ms]
    if not rows or not summary.comparable:
        return []
    sizes = [(row.width, row.height) for row in rows]
    size = max(sizes, key=lambda each: (sizes.count(each), each[0] * each[1]))
    shown = [row for row in rows if (row.width, row.height) == size]
    return [
        Plot(
            name=STAGES_PLOT,
            title="Where the time goes",
            caption=f"Shares of the time of one stylization at {_name(shown[0])}; on the right the "
            "median latency of whole calls. The guided filter, which is optional, is not in it.",
            figure=_draw(shown),
        )
    ]


def _name(row: StagesRow) -> str:
    pixels = f"{row.width}×{row.height}"
    same = row.resolution == f"{row.width}x{row.height}"
    return pixels if same else f"{row.resolution} {pixels}"


def _draw(rows: Sequence[StagesRow]) -> Figure:
    figure, axes = new_figure(7.6, 1.5 + _ROW_INCHES * len(rows))
    for place, row in enumerate(rows):
        _draw_bar(axes, place, row)
    for stage in STAGES:
        if any(row.share(stage) for row in rows):
            axes.barh([0], [0], color=_COLOURS[stage][0], label=stage)
    axes.set_yticks(range(len(rows)), _labels(rows))
    axes.invert_yaxis()
    axes.tick_params(axis="y", length=0, labelsize=8.5)
    axes.spines["left"].set_visible(False)
    axes.grid(visible=False, axis="y")
    axes.set_xlim(0, 1)
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{100 * value:.0f} %"))
    axes.set_xlabel("Share of the time of one stylization")
    axes.set_title(f"Where the time goes at {_name(rows[0])}", fontsize=10, loc="left")
    figure.legend(
        loc="outside lower center", ncols=len(STAGES), fontsize=8, frameon=False,
        handlelength=1.0, handleheight=1.0, handletextpad=0.4, columnspacing=1.2,
    )  # fmt: skip
    return figure


def _draw_bar(axes: Axes, place: int, row: StagesRow) -> None:
    left = 0.0
    for stage in STAGES:
        width = row.share(stage) or 0.0
        colour, text = _COLOURS[stage]
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


def _labels(rows: Sequence[StagesRow]) -> list[str]:
    """Name the bars; a transform is named where its subject has several."""
    names = [row.subject for row in rows]
    return [
        f"{row.subject} · {row.transform}" if names.count(row.subject) > 1 else row.subject
        for row in rows
    ]
