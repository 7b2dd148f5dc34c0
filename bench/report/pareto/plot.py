"""Pareto plots of subjects: style against content, and metrics against latency."""

from collections.abc import Sequence
from itertools import pairwise
from typing import cast

from matplotlib.axes import Axes
from matplotlib.colors import to_rgba
from matplotlib.figure import Figure

from bench.report.common.annotations import annotate, box_around, fix_layout, spread_annotations
from bench.report.common.figures import AXIS_TITLES, log_axis, new_figure
from bench.report.common.formats import name_intervals
from bench.report.common.labels import Position
from bench.report.common.summary import HIGHER_IS_BETTER, Interval
from bench.report.pareto.points import Point, axis_limits, mark_front

FRONT_COLOUR = "#0b5fa5"
GREY = "#9a9a9a"
BLACK = "#000000"
MARKERS = {"zca": "o", "ot": "s", "adain": "^", "none": "D"}

_REFERENCE_MARKER = "x"
_MARK = 4.5  # half the side that is kept free around a mark, in points
_BAR = 1.5  # half the thickness that labels avoid around an error bar, in points
_LEGEND_COLUMNS = 7
_LEGEND_LETTERS = 70  # more do not fit in one line


def pareto_plot(points: Sequence[Point], *, x: str, y: str, title: str, size: str = "") -> Figure:
    """Draw one figure against another: the front in blue, dominated points grey, error bars.

    The reference is a black cross.

    Args:
        points: At least one point.
        x: Name of the metric (or ``latency``) on the horizontal axis, a key of HIGHER_IS_BETTER.
        y: Name of the metric on the vertical axis.
        title: Title of the plot.
        size: The content's size, where the horizontal axis is latency.
    """
    front = mark_front(points, x=x, y=y)
    figure, axes = new_figure()
    if x == "latency":
        log_axis(axes, "x", [point.x.value for point in points])
    for point, best in zip(points, front, strict=True):
        _draw_point(axes, point, FRONT_COLOUR if best else BLACK if point.reference else GREY)
    steps = _staircase(points, front, higher_is_better=HIGHER_IS_BETTER[x])
    axes.plot(
        [x for x, _ in steps], [y for _, y in steps], color=FRONT_COLOUR, linewidth=1,
        linestyle=(0, (4, 3)), alpha=0.7, zorder=1,
    )  # fmt: skip
    axes.margins(0.12)
    if x != "latency" and (limits := axis_limits([point.x for point in points])):
        axes.set_xlim(limits)
    if limits := axis_limits([point.y for point in points]):
        axes.set_ylim(limits)
    axes.set(xlabel=AXIS_TITLES[x].format(size=size), ylabel=AXIS_TITLES[y])
    axes.set_title(title, fontsize=10, loc="left")
    _draw_legend(axes, points, front)
    _label_points(axes, points, front, steps)
    return figure


def _bars(interval: Interval) -> list[list[float]] | None:
    """Return the lengths of an error bar; rounding may put a value outside its interval."""
    if interval.ends is None:
        return None
    low, high = interval.ends
    return [[max(interval.value - low, 0.0)], [max(high - interval.value, 0.0)]]


def _draw_point(axes: Axes, point: Point, colour: str) -> None:
    front = colour != GREY
    axes.errorbar(
        [point.x.value], [point.y.value], xerr=_bars(point.x), yerr=_bars(point.y),
        fmt="none", ecolor=to_rgba(colour, 0.35), elinewidth=0.9, capsize=2, zorder=2,
    )  # fmt: skip
    axes.plot(
        [point.x.value], [point.y.value], _marker(point), color=colour,
        markersize=6, markerfacecolor="white" if point.cost_subject else colour,
        zorder=4 if front else 3,
    )  # fmt: skip


def _marker(point: Point) -> str:
    return _REFERENCE_MARKER if point.reference else MARKERS.get(point.transform, "v")


def _draw_legend(axes: Axes, points: Sequence[Point], front: Sequence[bool]) -> None:
    axes.plot([], [], "o", color=FRONT_COLOUR, label="Pareto front")
    methods = [point for point in points if not point.reference]
    if sum(front) < len(methods):
        axes.plot([], [], "o", color=GREY, label="dominated")
    if len(methods) < len(points):
        axes.plot([], [], _REFERENCE_MARKER, color=BLACK, label="reference")
    for transform in dict.fromkeys(point.transform for point in methods):
        marker = MARKERS.get(transform, "v")
        label = "no transform" if transform == "none" else transform
        axes.plot([], [], marker, color="black", label=label)
    if any(point.cost_subject for point in points):
        axes.plot(
            [], [], "o", color=FRONT_COLOUR, markerfacecolor="white", label="another subject's cost"
        )
    bars = name_intervals(each for point in points for each in (point.x, point.y))
    if bars:
        axes.errorbar([], [], yerr=[], fmt="none", ecolor="black", capsize=2, label=bars)
    handles, labels = axes.get_legend_handles_labels()
    wide = sum(map(len, labels)) > _LEGEND_LETTERS or len(labels) > _LEGEND_COLUMNS
    axes.figure.legend(
        handles, labels, loc="outside lower center", ncols=4 if wide else _LEGEND_COLUMNS,
        fontsize=7.5, frameon=False, handletextpad=0.4, columnspacing=1.2,
    )  # fmt: skip


def _staircase(
    points: Sequence[Point], front: Sequence[bool], *, higher_is_better: bool
) -> list[Position]:
    """Return the corners of the region that the front dominates, from left to right."""
    ends = sorted((p.x.value, p.y.value) for p, best in zip(points, front, strict=True) if best)
    corners = ends[:1]
    for (x, y), (next_x, next_y) in pairwise(ends):
        corners += [(x, next_y) if higher_is_better else (next_x, y), (next_x, next_y)]
    return corners


def _label_points(
    axes: Axes, points: Sequence[Point], front: Sequence[bool], steps: Sequence[Position]
) -> None:
    """Write each name at a free place near its mark, with a thin line back to it."""
    fix_layout(cast(Figure, axes.figure))
    places = [(point.x.value, point.y.value) for point in points]
    annotations = [
        annotate(
            axes, point.name, place, colour="black" if best else "#5c5c5c", line_colour="#6e6e6e"
        )
        for point, place, best in zip(points, places, front, strict=True)
    ]
    lines = [line for point in points for line in _bar_lines(point)] + list(pairwise(steps))
    spread_annotations(
        axes,
        annotations,
        obstacles=[box_around(axes, [place], _MARK) for place in places],
        soft=[box_around(axes, line, _BAR) for line in lines],
        radius=_MARK,
    )


def _bar_lines(point: Point) -> list[tuple[Position, Position]]:
    """Return the ends of the error bars of a point."""
    x, y = point.x, point.y
    across = [((x.ends[0], y.value), (x.ends[1], y.value))] if x.ends else []
    up = [((x.value, y.ends[0]), (x.value, y.ends[1]))] if y.ends else []
    return across + up
