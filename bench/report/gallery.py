"""The plots of a report, each with the sentence that says in words what it shows."""

from collections.abc import Sequence
from dataclasses import dataclass

from matplotlib.figure import Figure

from bench.quality.protocol import METRICS
from bench.report.common.formats import name_intervals
from bench.report.common.summary import HIGHER_IS_BETTER, JOINED, METRIC_NAMES, Summary
from bench.report.cost.scaling import scaling_plot
from bench.report.pareto.plots import pareto_plot
from bench.report.pareto.points import (
    Point,
    choose_resolution,
    latency_points,
    mark_front,
    name_subject,
    quality_points,
)

LABELS: dict[str, str] = {metric.name: metric.title for metric in METRICS}
PLOT_NAMES = (
    "style-ssim",
    "style-lpips",
    "latency-gram",
    "latency-ssim",
    "latency-lpips",
    "latency-resolution",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Plot:
    """A drawn plot: the stem of its files, its title and what it shows in words."""

    name: str
    title: str
    caption: str
    figure: Figure


def draw_plots(summary: Summary) -> list[Plot]:
    """Draw every plot that the records have points for; none where machines are mixed."""
    if not summary.comparable:
        return []
    plots = [_style_plot(summary, content) for content in ("ssim", "lpips")]
    plots += [_latency_plot(summary, metric) for metric in METRIC_NAMES]
    plots.append(_scaling(summary))
    return [plot for plot in plots if plot is not None]


def _style_plot(summary: Summary, content: str) -> Plot | None:
    points = quality_points(summary, content, "gram")
    if not points:
        return None
    title = f"Style (Gram) against content ({LABELS[content]})"
    pairs = sorted({row.num_pairs for row in summary.quality if row.num_pairs})
    note = f"means over {' or '.join(map(str, pairs))} pairs"
    return Plot(
        name=f"style-{content}",
        title=title,
        caption=_front_sentence(points, content, "gram")
        + _bars(points)
        + _outside(summary)
        + _fewer_pairs(summary)
        + _untrained(summary),
        figure=pareto_plot(points, x=content, y="gram", title=f"{title}, {note}"),
    )


def _latency_plot(summary: Summary, metric: str) -> Plot | None:
    chosen = choose_resolution(summary)
    points = latency_points(summary, metric, chosen.resolution) if chosen else []
    if not chosen or not points:
        return None
    title = f"{LABELS[metric]} against latency at {chosen.size}"
    return Plot(
        name=f"latency-{metric}",
        title=title,
        caption=_front_sentence(points, "latency", metric)
        + _bars(points)
        + _joined(points)
        + _left_out(summary, points),
        figure=pareto_plot(points, x="latency", y=metric, title=title, size=chosen.size),
    )


def _scaling(summary: Summary) -> Plot | None:
    figure = scaling_plot(summary)
    if figure is None:
        return None
    title = "Latency against resolution"
    intervals = [row.latency_ms for row in summary.cost if row.latency_ms]
    caption = (
        f"Filled marks are measured medians, with {name_intervals(intervals)} as bars, hollow ones "
        "predictions; what would run out of memory has none."
    )
    return Plot(name="latency-resolution", title=title, caption=caption, figure=figure)


def _front_sentence(points: Sequence[Point], x: str, y: str) -> str:
    """Name what is on the front, the best on the vertical score first, and what is dominated."""
    front = mark_front(points, x=x, y=y)
    sign = -1 if HIGHER_IS_BETTER[y] else 1
    ranked = sorted(zip(points, front, strict=True), key=lambda pair: sign * pair[0].y.value)
    best = ", ".join(point.name for point, on in ranked if on)
    beaten = ", ".join(point.name for point, on in ranked if not on)
    return f"On the front: {best}." + (f" Dominated: {beaten}." if beaten else "")


def _bars(points: Sequence[Point]) -> str:
    return f" Bars: {name_intervals(each for p in points for each in (p.x, p.y))}."


def _left_out(summary: Summary, points: Sequence[Point]) -> str:
    shown = {(point.subject, point.transform) for point in points}
    absent = [
        row for row in summary.quality if row.scores and (row.subject, row.transform) not in shown
    ]
    outside = [row.subject for row in absent if row.outside]
    unmeasured = [name_subject(r.subject, r.transform) for r in absent if not r.outside]
    text = f" No latency was measured there for {', '.join(unmeasured)}." if unmeasured else ""
    return text + (f" Without a cost: {', '.join(outside)}." if outside else "")


def _joined(points: Sequence[Point]) -> str:
    """Say of hollow points that their scores and their latency are of two networks."""
    pairs = [
        f"{name_subject(p.subject, p.transform)} at the latency of {p.cost_subject}"
        for p in points
        if p.cost_subject
    ]
    return f" Hollow: {', '.join(pairs)}: {JOINED}." if pairs else ""


def _outside(summary: Summary) -> str:
    """Name the subjects whose outputs were made elsewhere."""
    names = [row.subject for row in summary.quality if row.outside and row.scores]
    return f" Outputs made elsewhere, read from files: {', '.join(names)}." if names else ""


def _untrained(summary: Summary) -> str:
    """Name the subjects whose weights are seeded and whose pictures mean nothing."""
    names = dict.fromkeys(row.subject for row in summary.quality if "untrained" in row.failures)
    return f" Untrained, and so not scored: {', '.join(names)}." if names else ""


def _fewer_pairs(summary: Summary) -> str:
    """Name the subjects that were scored on fewer pairs than others."""
    most = max((row.num_pairs for row in summary.quality), default=0)
    fewer = [
        f"{name_subject(row.subject, row.transform)} ({row.num_pairs} of {most})"
        for row in summary.quality
        if 0 < row.num_pairs < most
    ]
    return f" On fewer pairs than the others: {', '.join(fewer)}." if fewer else ""
