"""The plot of latency against resolution; predictions are hollow."""

from collections.abc import Sequence
from functools import partial
from itertools import pairwise
from typing import cast

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.text import Text
from matplotlib.ticker import FixedFormatter, FixedLocator, NullLocator

from bench.report.common.annotations import fix_layout
from bench.report.common.figures import COLOURS, log_axis, new_figure
from bench.report.common.formats import name_intervals
from bench.report.common.rows import CostRow, name_subject
from bench.report.common.section import Plot
from bench.report.common.summary import Summary

_SHAPES = ("o", "s", "^", "D", "v", "P", "X", "*")
_NAMES_FROM = 0.86  # where the axes end and short names begin, as a share of the width
_NAME_SIZE = 7.5  # of letters, in points
_NAME_OFFSET = 6.0  # from the axes, in points
_LABEL_GAP = 11.0  # between names at the right, in points
Series = dict[tuple[str, str], list[CostRow]]


def scaling_plots(summary: Summary) -> list[Plot]:
    """Return the plot; none if the machines differ or no case has a latency."""
    if not summary.comparable or not any(row.expected_latency_ms for row in summary.cost):
        return []
    bars = name_intervals(row.latency_ms for row in summary.cost if row.latency_ms)
    caption = (
        f"Filled: measured medians{f', error bars: {bars}' * bool(bars)}. Hollow: predictions. "
        "A line ends where a subject would run out of memory."
    )
    return [
        Plot(
            name="latency-resolution",
            title="Latency against resolution",
            caption=caption,
            draw=partial(draw_scaling, summary),
        )
    ]


def draw_scaling(summary: Summary) -> Figure:
    """Draw latency against megapixels on logarithmic axes, a line for each subject and transform.

    Crosses at the top are cases that ran out of memory or time.
    """
    series: Series = {}
    for row in sorted(summary.cost, key=lambda row: row.pixels):
        series.setdefault((row.subject, row.transform), []).append(row)
    latencies = [row.expected_latency_ms for row in summary.cost if row.expected_latency_ms]
    figure, axes = new_figure(7.6, 5.0)
    axes.set_xscale("log")
    log_axis(axes, "y", latencies)
    lines = _ordered(summary, series)
    for place, (_, rows) in enumerate(lines):
        _draw_series(axes, rows, place)
    _draw_failures(axes, lines)
    _finish(figure, axes, summary)
    _name_lines(axes, lines)
    return figure


def _ordered(summary: Summary, series: Series) -> list[tuple[str, list[CostRow]]]:
    """Return the lines in the order of the subjects; a transform is named if there are several."""
    several = {name for name, _ in series if sum(name == other for other, _ in series) > 1}
    order = {name: place for place, name in enumerate(summary.subjects)}
    keys = sorted(series, key=lambda key: order[key[0]])
    return [(name_subject(s, t) if s in several else s, series[s, t]) for s, t in keys]


def _style(place: int) -> tuple[str, str]:
    turns, index = divmod(place, len(COLOURS))  # a repeated colour has another shape
    return COLOURS[index], _SHAPES[(index + 3 * turns) % len(_SHAPES)]


def _pixels(row: CostRow) -> float:
    return row.pixels / 1e6


def _draw_series(axes: Axes, rows: Sequence[CostRow], place: int) -> None:
    colour, shape = _style(place)
    known = [(row, row.expected_latency_ms) for row in rows if row.expected_latency_ms]
    for (first, start), (second, end) in pairwise(known):
        both = first.latency_ms is not None and second.latency_ms is not None
        axes.plot(
            [_pixels(first), _pixels(second)], [start, end], color=colour, linewidth=1.1,
            linestyle="-" if both else (0, (2, 2)), zorder=2,
        )  # fmt: skip
    for row, latency in known:
        hollow = row.latency_ms is None
        axes.plot(
            [_pixels(row)], [latency], shape, color=colour, markersize=5.5, zorder=3,
            markerfacecolor="white" if hollow else colour,
        )  # fmt: skip
        if row.latency_ms and row.latency_ms.ends:
            axes.plot(
                [_pixels(row)] * 2,
                row.latency_ms.ends,
                "_-",
                color=colour,
                linewidth=0.9,
                markersize=5,
            )


def _name_lines(axes: Axes, lines: Sequence[tuple[str, list[CostRow]]]) -> None:
    """Write each name at the right end of its line, in its colour, without overlaps."""
    ends = []
    for place, (name, rows) in enumerate(lines):
        known = [(row, row.expected_latency_ms) for row in rows if row.expected_latency_ms]
        if known:
            ends.append((known[-1][1], _pixels(known[-1][0]), name, _style(place)[0]))
    figure = cast(Figure, axes.figure)
    engine = figure.get_layout_engine()
    if isinstance(engine, ConstrainedLayoutEngine):
        engine.set(rect=(0.0, 0.0, _leave_names(figure, [name for *_, name, _ in ends]), 1.0))
    fix_layout(figure)
    unit = figure.dpi / 72
    right = axes.get_window_extent().x1
    heights = {
        name: float(axes.transData.transform((1.0, latency or 1.0))[1]) / unit
        for latency, _, name, _ in ends
    }
    for (latency, pixels, name, colour), height in zip(
        ends, _spread([heights[each[2]] for each in ends], _LABEL_GAP), strict=True
    ):
        start = float(axes.transData.transform((pixels, 1.0))[0])
        axes.annotate(
            name, (pixels, latency or 1.0),
            xytext=((right - start) / unit + _NAME_OFFSET, height - heights[name]),
            textcoords="offset points", fontsize=_NAME_SIZE, color=colour, va="center", ha="left",
            annotation_clip=False, arrowprops={
                "arrowstyle": "-", "color": colour, "linewidth": 0.5, "alpha": 0.5, "shrinkA": 0,
                "shrinkB": 4, "relpos": (0.0, 0.5),
            },
        )  # fmt: skip


def _leave_names(figure: Figure, names: Sequence[str]) -> float:
    """Return where the axes end, as a share of the width, so that all names fit beside them."""
    texts = [Text(text=name, fontsize=_NAME_SIZE, figure=figure) for name in names]
    widest = max((float(each.get_window_extent().width) for each in texts), default=0.0)
    taken = widest + 2 * _NAME_OFFSET * figure.dpi / 72
    return min(_NAMES_FROM, 1.0 - taken / float(figure.bbox.width))


def _spread(heights: Sequence[float], gap: float) -> list[float]:
    """Move heights apart to at least ``gap``, keeping their order and their common centre.

    >>> _spread([5.0, 0.0, 5.0], 2.0)
    [4.0, 0.0, 6.0]
    """
    order = sorted(range(len(heights)), key=lambda index: heights[index])
    groups: list[tuple[float, int]] = []  # centre and number of names that touch
    for index in order:
        centre, count = heights[index], 1
        while groups and centre - groups[-1][0] < gap * (count + groups[-1][1]) / 2:
            before, many = groups.pop()
            centre = (centre * count + before * many) / (count + many)
            count += many
        groups.append((centre, count))
    places = [
        centre + gap * (step - (count - 1) / 2) for centre, count in groups for step in range(count)
    ]
    return [places[order.index(index)] for index in range(len(heights))]


def _draw_failures(axes: Axes, lines: Sequence[tuple[str, list[CostRow]]]) -> None:
    """Mark cases without any latency in rows of crosses above the axes."""
    marked = 0
    for place, (_, rows) in enumerate(lines):
        failed = [r for r in rows if not r.expected_latency_ms and not r.predicted_oom]
        if not failed:
            continue
        colour, _ = _style(place)
        for row in failed:
            axes.annotate(
                f"× {row.status}", (_pixels(row), 1.0), xycoords=("data", "axes fraction"),
                xytext=(0, -9 - 9 * marked), textcoords="offset points", color=colour,
                fontsize=7.5, ha="center", va="center",
            )  # fmt: skip
        marked += 1


def _finish(figure: Figure, axes: Axes, summary: Summary) -> None:
    rows = {row.resolution: row for row in summary.cost}
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_locator(FixedLocator([_pixels(row) for row in rows.values()]))
    axes.xaxis.set_major_formatter(
        FixedFormatter([f"{name}\n{_pixels(row):.3g}" for name, row in rows.items()])
    )
    axes.set_xlim(min(map(_pixels, rows.values())) / 1.3, max(map(_pixels, rows.values())) * 1.3)
    axes.margins(y=0.12)
    axes.set(xlabel="Content size (megapixels)", ylabel="Median latency (ms)")
    axes.set_title("Latency against resolution", fontsize=10, loc="left")
    drawn = {
        "predicted" if r.latency_ms is None else "measured"
        for r in summary.cost
        if r.expected_latency_ms
    }
    for label in sorted(drawn):
        fill = "white" if label == "predicted" else "black"
        line = "--" if label == "predicted" else "-"
        axes.plot(
            [], [], f"ko{line}", markerfacecolor=fill, markersize=5.5, linewidth=1.1, label=label
        )
    figure.legend(
        loc="outside lower center", ncols=2, fontsize=7.5, frameon=False, handletextpad=0.4
    )
