"""Plots of a sweep: a metric against each cost, and style against content."""

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LogNorm
from matplotlib.figure import Figure
from matplotlib.ticker import NullFormatter, StrMethodFormatter

from bench.analysis.pareto import pareto_front
from bench.quality.protocol import METRICS
from bench.report.common.annotations import (
    annotate,
    box_around,
    fix_layout,
    spread_annotations,
)
from bench.report.common.figures import COLOURS, log_axis, new_figure, new_panels
from bench.report.common.tables import ARROWS
from bench.sweeps.members import COSTS, Member, mean_score

_HIGHER = {str(metric.name): metric.higher_is_better for metric in METRICS}
_MARK, _RADIUS = 5.5, 4.0
_FRONT = "#222222"


def cost_plot(members: Sequence[Member], metric: str, resolution: str) -> Figure:
    """Draw a metric against each cost, the front as a dashed line.

    Other seeds of a member are small marks below or above it. A member without a cost, because
    memory ran out, is not in the panel of that cost.

    Args:
        members: At least one with costs.
        metric: A metric of all.
        resolution: Resolution of the costs.
    """
    shown = [name for name in COSTS if any(m.cost(name, resolution) for m in members)]
    rows = -(-len(shown) // 2)
    figure, panels = new_panels(rows, min(2, len(shown)), 10.0, 4.2 * rows, same_y=True)
    labelled = []
    for place, (axes, cost) in enumerate(zip(panels, shown, strict=False)):
        sized = [member for member in members if member.cost(cost, resolution)]
        x = [float(member.cost(cost, resolution) or 0) for member in sized]
        log_axis(axes, "x", x)
        y = [mean_score(member.record, metric) for member in sized]
        for member, left, height in zip(sized, x, y, strict=True):
            colour = _colour(members, member)
            seeds = [mean_score(record, metric) for record in member.seeds]
            axes.plot([left] * len(seeds), seeds, "_", color=colour, markersize=7, alpha=0.7)
            axes.plot([left], [height], "o", color=colour, markersize=_MARK)
        front = _draw_front(axes, x, y, higher=_HIGHER[metric])
        name, _, unit = COSTS[cost].partition(", ")
        title = f"{name} at {resolution}, {unit}" if unit else name
        axes.set(xlabel=title, ylabel=ARROWS[metric] if place % 2 == 0 else "")
        axes.margins(0.08)
        labelled.append((axes, sized, x, y, front))
    for axes in panels[len(shown) :]:
        axes.set_visible(False)
    _legend(figure, panels[0], members)
    fix_layout(figure)
    for axes, sized, x, y, front in labelled:
        _label(axes, sized, x, y, front)
    return figure


def quality_plot(members: Sequence[Member], metrics: tuple[str, str], resolution: str) -> Figure:
    """Draw style against content; colours are multiply-adds for each content pixel."""
    figure, axes = new_figure(8.5, 5.6)
    style, content = metrics
    x = [mean_score(member.record, content) for member in members]
    y = [mean_score(member.record, style) for member in members]
    macs = [member.cost("macs_per_pixel", resolution) for member in members]
    known = [value for value in macs if value]
    norm = LogNorm(min(known), max(known)) if len({*known}) > 1 else None
    points = axes.scatter(
        x, y, c=[value or np.nan for value in macs], norm=norm, cmap="viridis", s=38, zorder=3,
        plotnonfinite=True,
    )  # fmt: skip
    if norm is not None:
        bar = figure.colorbar(points, ax=axes, label=COSTS["macs_per_pixel"])
        bar.ax.yaxis.set_major_formatter(StrMethodFormatter("{x:,.10g}"))
        bar.ax.yaxis.set_minor_formatter(NullFormatter())
    on = pareto_front(list(zip(x, y, strict=True)), (_HIGHER[content], _HIGHER[style]))
    axes.set(xlabel=ARROWS[content], ylabel=ARROWS[style])
    axes.margins(0.1)
    fix_layout(figure)
    _label(axes, members, x, y, on)
    return figure


def _colour(members: Sequence[Member], member: Member) -> str:
    families = list(dict.fromkeys(each.family for each in members))
    return COLOURS[families.index(member.family) % len(COLOURS)]


def _draw_front(
    axes: Axes, x: Sequence[float], y: Sequence[float], *, higher: bool
) -> tuple[bool, ...]:
    """Draw the border of what cheap and good members dominate; return who is on it."""
    on = pareto_front(list(zip(x, y, strict=True)), (False, higher))
    ends = sorted((left, height) for left, height, best in zip(x, y, on, strict=True) if best)
    corners = ends[:1]
    for (_, height), (right, other) in pairwise(ends):
        corners += [(right, height), (right, other)]
    axes.plot(
        [left for left, _ in corners], [height for _, height in corners],
        color=_FRONT, linewidth=0.9, linestyle=(0, (4, 3)), zorder=1,
    )  # fmt: skip
    return on


def _label(
    axes: Axes,
    members: Sequence[Member],
    x: Sequence[float],
    y: Sequence[float],
    front: Sequence[bool],
) -> None:
    """Write the names of the members on the front."""
    notes = [
        annotate(axes, member.name, (left, height), colour="black", line_colour="#6e6e6e")
        for member, left, height, best in zip(members, x, y, front, strict=True)
        if best
    ]
    marks = [box_around(axes, [place], _RADIUS) for place in zip(x, y, strict=True)]
    spread_annotations(axes, notes, obstacles=marks, soft=[], radius=_RADIUS)


def _legend(figure: Figure, axes: Axes, members: Sequence[Member]) -> None:
    for family in dict.fromkeys(member.family for member in members):
        first = next(member for member in members if member.family == family)
        axes.plot([], [], "o", color=_colour(members, first), label=family)
    axes.plot([], [], color=_FRONT, linewidth=0.9, linestyle=(0, (4, 3)), label="Pareto front")
    if any(member.seeds for member in members):
        axes.plot([], [], "_", color="#555555", markersize=7, label="another seed")
    handles, labels = axes.get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=4, fontsize=8, frameon=False)
