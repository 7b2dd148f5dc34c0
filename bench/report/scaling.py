"""The plot of latency against resolution; predicted points are hollow."""

from collections.abc import Sequence
from itertools import pairwise

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedFormatter, FixedLocator, NullLocator

from bench.report.plots import log_axis, new_figure
from bench.report.summary import CostRow, Summary

_COLOURS = ("#0b5fa5", "#d1570c", "#3a7d2c", "#8e44ad", "#b8336a", "#7a5c2e", "#2a9d8f", "#555555")
_SHAPES = ("o", "s", "^", "D", "v", "P", "X", "*")
Series = dict[tuple[str, str], list[CostRow]]


def scaling_plot(summary: Summary) -> Figure | None:
    """Draw latency against megapixels on logarithmic axes, one line a subject and transform.

    Filled marks are measured medians with their intervals, hollow ones predictions, crosses at the
    top cases that ran out of memory or time. Returns None where no case has a latency.
    """
    series: Series = {}
    for row in sorted(summary.cost, key=lambda row: row.width * row.height):
        series.setdefault((row.subject, row.transform), []).append(row)
    latencies = [row.expected_latency_ms for row in summary.cost if row.expected_latency_ms]
    if not latencies:
        return None
    figure, axes = new_figure(7.6, 5.0)
    axes.set_xscale("log")
    log_axis(axes, "y", latencies)
    for place, (name, rows) in enumerate(_ordered(summary, series)):
        _draw_series(axes, name, rows, place)
    _draw_failures(axes, _ordered(summary, series))
    _finish(figure, axes, summary)
    return figure


def _ordered(summary: Summary, series: Series) -> list[tuple[str, list[CostRow]]]:
    """Return the lines in the order of the subjects; a sole transform is not named."""
    several = {name for name, _ in series if sum(name == other for other, _ in series) > 1}
    order = {name: place for place, name in enumerate(summary.subjects)}
    keys = sorted(series, key=lambda key: order[key[0]])
    return [(f"{s} · {t}" if s in several else s, series[s, t]) for s, t in keys]


def _style(place: int) -> tuple[str, str]:
    turns, index = divmod(place, len(_COLOURS))  # a colour that comes again has another shape
    return _COLOURS[index], _SHAPES[(index + 3 * turns) % len(_SHAPES)]


def _pixels(row: CostRow) -> float:
    return row.width * row.height / 1e6


def _draw_series(axes: Axes, name: str, rows: Sequence[CostRow], place: int) -> None:
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
        if row.latency_ms and row.latency_ms.count > 1:
            ends = [row.latency_ms.low, row.latency_ms.high]
            axes.plot([_pixels(row)] * 2, ends, "_-", color=colour, linewidth=0.9, markersize=5)
    axes.plot([], [], f"{shape}-", color=colour, markersize=5.5, linewidth=1.1, label=name)


def _draw_failures(axes: Axes, lines: Sequence[tuple[str, list[CostRow]]]) -> None:
    """Mark cases without any latency in rows of crosses above the axes."""
    marked = 0
    for place, (_, rows) in enumerate(lines):
        failed = [row for row in rows if not row.expected_latency_ms]
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
        axes.plot([], [], "ko", markerfacecolor=fill, markersize=5.5, label=label)
    figure.legend(loc="outside right upper", fontsize=8, frameon=False)
