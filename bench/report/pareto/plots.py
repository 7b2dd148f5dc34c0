"""Pareto plots of the subjects, drawn without pyplot; same records, same bytes."""

from collections.abc import Sequence
from io import BytesIO
from itertools import pairwise
from typing import cast

from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import to_rgba
from matplotlib.figure import Figure
from matplotlib.patheffects import withStroke
from matplotlib.text import Annotation, Text
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

from bench.report.common.formats import name_intervals
from bench.report.common.summary import HIGHER_IS_BETTER, Interval
from bench.report.pareto.labels import Box, Scene, place_labels
from bench.report.pareto.points import Point, mark_front

Line = tuple[tuple[float, float], tuple[float, float], float]

DPI = 160
FRONT_COLOUR = "#0b5fa5"
GREY = "#9a9a9a"
COLOURS = ("#0b5fa5", "#d1570c", "#3a7d2c", "#8e44ad", "#b8336a", "#7a5c2e", "#2a9d8f", "#555555")
"""Of lines, in the order of what they show."""

_MARK = 4.5  # half the side that is kept free around a mark, in points
_LEGEND_LETTERS = 70  # more do not fit in one line
MARKERS = {"zca": "o", "ot": "s", "adain": "^", "none": "D"}
AXIS_TITLES = {
    "latency": "Median latency at {size}, ms (lower is better)",
    "gram": "Style: relative Gram error to the style image (lower is better)",
    "ssim": "Content: SSIM to the content image (higher is better)",
    "lpips": "Content: LPIPS to the content image (lower is better)",
}


def pareto_plot(points: Sequence[Point], *, x: str, y: str, title: str, size: str = "") -> Figure:
    """Draw one score against another: the front in blue, dominated points grey, intervals as bars.

    Args:
        points: What to draw, at least one.
        x: Name of the score (or ``latency``) on the horizontal axis, a key of HIGHER_IS_BETTER.
        y: Name of the score on the vertical axis.
        title: Title of the plot.
        size: The content's size, where the horizontal axis is latency.
    """
    front = mark_front(points, x=x, y=y)
    figure, axes = new_figure()
    if x == "latency":
        log_axis(axes, "x", [point.x.value for point in points])
    for point, best in zip(points, front, strict=True):
        _draw_point(axes, point, FRONT_COLOUR if best else GREY)
    steps = _staircase(points, front, higher_is_better=HIGHER_IS_BETTER[x])
    axes.plot(
        *zip(*steps, strict=True), color=FRONT_COLOUR, linewidth=1, linestyle=(0, (4, 3)),
        alpha=0.7, zorder=1,
    )  # fmt: skip
    axes.margins(0.12)
    axes.set(xlabel=AXIS_TITLES[x].format(size=size), ylabel=AXIS_TITLES[y])
    axes.set_title(title, fontsize=10, loc="left")
    _draw_legend(axes, points, front)
    _label_points(axes, points, front, steps)
    return figure


def new_figure(width: float = 7.2, height: float = 5.0) -> tuple[Figure, Axes]:
    """Return an empty figure with one set of axes and a light grid; sizes in inches."""
    figure = Figure(figsize=(width, height), dpi=DPI, layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    _dress(axes)
    return figure, axes


def new_panels(
    rows: int, columns: int, width: float, height: float, *, same_y: bool = False
) -> tuple[Figure, list[Axes]]:
    """Return an empty figure with several sets of axes like those of `new_figure`, row by row."""
    figure = Figure(figsize=(width, height), dpi=DPI, layout="constrained")
    FigureCanvasAgg(figure)
    panels = list(figure.subplots(rows, columns, sharey=same_y, squeeze=False).flat)
    for axes in panels:
        _dress(axes)
    return figure, panels


def _dress(axes: Axes) -> None:
    axes.grid(visible=True, color="#e6e6e6", linewidth=0.6)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)
    axes.xaxis.label.set_fontsize(9)
    axes.yaxis.label.set_fontsize(9)
    axes.tick_params(labelsize=8)


def log_axis(axes: Axes, which: str, values: Sequence[float]) -> None:
    """Make an axis logarithmic, with plain numbers at decades or, if few, at 1, 2 and 5 of each."""
    axes.set_xscale("log") if which == "x" else axes.set_yscale("log")
    axis = axes.xaxis if which == "x" else axes.yaxis
    wide = max(values) > 1000 * min(values)
    axis.set_major_locator(LogLocator(subs=(1,) if wide else (1, 2, 5), numticks=20))
    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.10g}"))
    axis.set_minor_formatter(NullFormatter())


def encode_figure(figure: Figure, kind: str) -> bytes:
    """Return a figure as ``png`` or ``svg``, free of dates, versions and random names."""
    metadata = {"Date": None, "Creator": None} if kind == "svg" else {"Software": None}
    stream = BytesIO()
    with rc_context({"svg.hashsalt": "pcakd-bench"}):
        figure.savefig(stream, format=kind, metadata=metadata, facecolor="white")
    return stream.getvalue()


def _bars(interval: Interval) -> list[list[float]] | None:
    """Return the lengths of an error bar; a percentile interval may leave its value by rounding."""
    if interval.count < 2:
        return None
    return [[max(interval.value - interval.low, 0.0)], [max(interval.high - interval.value, 0.0)]]


def _draw_point(axes: Axes, point: Point, colour: str) -> None:
    front = colour != GREY
    axes.errorbar(
        [point.x.value], [point.y.value], xerr=_bars(point.x), yerr=_bars(point.y),
        fmt="none", ecolor=to_rgba(colour, 0.35), elinewidth=0.9, capsize=2, zorder=2,
    )  # fmt: skip
    axes.plot(
        [point.x.value], [point.y.value], MARKERS.get(point.transform, "v"), color=colour,
        markersize=6, markerfacecolor="white" if point.cost_subject else colour,
        zorder=4 if front else 3,
    )  # fmt: skip


def _draw_legend(axes: Axes, points: Sequence[Point], front: Sequence[bool]) -> None:
    axes.plot([], [], "o", color=FRONT_COLOUR, label="Pareto front")
    if not all(front):
        axes.plot([], [], "o", color=GREY, label="dominated")
    for transform in dict.fromkeys(point.transform for point in points):
        marker = MARKERS.get(transform, "v")
        label = "no transform" if transform == "none" else transform
        axes.plot([], [], marker, color="black", label=label)
    if any(point.cost_subject for point in points):
        axes.plot(
            [], [], "o", color=FRONT_COLOUR, markerfacecolor="white", label="another subject's cost"
        )
    bars = name_intervals(each for point in points for each in (point.x, point.y))
    axes.errorbar([], [], yerr=[], fmt="none", ecolor="black", capsize=2, label=bars)
    handles, labels = axes.get_legend_handles_labels()
    wide = sum(map(len, labels)) > _LEGEND_LETTERS
    axes.figure.legend(
        handles, labels, loc="outside lower center", ncols=4 if wide else 7, fontsize=7.5,
        frameon=False, handletextpad=0.4, columnspacing=1.2,
    )  # fmt: skip


def _staircase(
    points: Sequence[Point], front: Sequence[bool], *, higher_is_better: bool
) -> list[tuple[float, float]]:
    """Return the corners of the edge of what the front dominates, from left to right."""
    ends = sorted((p.x.value, p.y.value) for p, best in zip(points, front, strict=True) if best)
    corners = ends[:1]
    for (x, y), (next_x, next_y) in pairwise(ends):
        corners += [(x, next_y) if higher_is_better else (next_x, y), (next_x, next_y)]
    return corners


def _label_points(
    axes: Axes,
    points: Sequence[Point],
    front: Sequence[bool],
    steps: Sequence[tuple[float, float]],
) -> None:
    """Write each name at a free place near its mark, with a thin line back to it."""
    figure = cast(Figure, axes.figure)
    figure.draw_without_rendering()
    figure.set_layout_engine("none")  # the places below hold for this layout only
    unit = figure.dpi / 72
    marks = [axes.transData.transform((p.x.value, p.y.value)) for p in points]
    texts = [
        _annotate(axes, point, "black" if best else "#5c5c5c")
        for point, best in zip(points, front, strict=True)
    ]
    # the extent of the text alone: that of an annotation has its line in it
    extents = [Text.get_window_extent(text) for text in texts]
    hard: list[Line] = [(*[(p.x.value, p.y.value)] * 2, _MARK) for p in points]  # type: ignore[misc]
    soft = [bar for point in points for bar in _bar_lines(point)]
    soft += [(first, second, 1.5) for first, second in pairwise(steps)]
    window = axes.get_window_extent()
    boxes = place_labels(
        [(extent.width, extent.height) for extent in extents],
        Scene(
            points=[(float(x), float(y)) for x, y in marks],
            obstacles=[_box_line(axes, *line) for line in hard],
            soft=[_box_line(axes, *line) for line in soft],
            frame=Box(left=window.x0, bottom=window.y0, right=window.x1, top=window.y1),
            radius=_MARK * unit,
            unit=unit,
        ),
    )
    for text, box, (x, y) in zip(texts, boxes, marks, strict=True):
        text.set_position(((box.left - x) / unit, (box.bottom - y) / unit))


def _annotate(axes: Axes, point: Point, colour: str) -> Annotation:
    return axes.annotate(
        point.name, (point.x.value, point.y.value), xytext=(0, 0), textcoords="offset points",
        fontsize=7.5, color=colour, va="bottom", ha="left", zorder=5,
        path_effects=[withStroke(linewidth=1.8, foreground="white")],
        arrowprops={"arrowstyle": "-", "color": "#6e6e6e", "linewidth": 0.6, "shrinkA": 0,
                    "shrinkB": 4, "relpos": (0.5, 0.5)},
    )  # fmt: skip


def _bar_lines(point: Point) -> list[Line]:
    """Return the error bars of a point, with half their thickness."""
    x, y = point.x, point.y
    return [
        ((x.low, y.value), (x.high, y.value), 1.5),
        ((x.value, y.low), (x.value, y.high), 1.5),
    ]


def _box_line(
    axes: Axes, first: tuple[float, float], second: tuple[float, float], points: float
) -> Box:
    """Return an upright or level line between two data points as a box in pixels."""
    ends = axes.transData.transform([first, second])
    (left, bottom), (right, top) = ends.min(axis=0), ends.max(axis=0)
    pad = points * axes.figure.dpi / 72
    return Box(left=left - pad, bottom=bottom - pad, right=right + pad, top=top + pad)
