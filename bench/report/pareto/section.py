"""The section of Pareto plots, each with a caption that names the front."""

from collections.abc import Sequence
from functools import partial

from bench.quality.protocol import METRICS
from bench.report.common.formats import name_intervals
from bench.report.common.rows import name_subject
from bench.report.common.section import Plot, Section, plot_files
from bench.report.common.summary import (
    BORROWED_COST,
    HIGHER_IS_BETTER,
    Summary,
    headline_names,
)
from bench.report.pareto.plot import pareto_plot
from bench.report.pareto.points import (
    Point,
    choose_resolution,
    has_cut_bar,
    latency_points,
    mark_front,
    quality_points,
)

LABELS: dict[str, str] = {
    metric.name: f"{metric.measures.capitalize()} ({metric.title})" for metric in METRICS
}
_CONTENT_METRICS = ("ssim", "lpips")
_HEADLINE = ("bounded_gram", "gram", *_CONTENT_METRICS)


def _latency_name(metric: str) -> str:
    return f"latency-{metric.replace('_', '-')}"


FILES = plot_files(
    *(f"style-{name}" for name in _CONTENT_METRICS), *(_latency_name(name) for name in _HEADLINE)
)


def make_section(summary: Summary) -> Section:
    """Return the plots; none if the records come from several machines."""
    plots = pareto_plots(summary)
    return Section(
        text="\n".join(f"## {plot.title}\n\n{plot.markdown}" for plot in plots), plots=tuple(plots)
    )


def pareto_plots(summary: Summary) -> list[Plot]:
    """Return every plot that the records have points for."""
    if not summary.comparable:
        return []
    plots = [_style_plot(summary, content) for content in _CONTENT_METRICS]
    plots += [_latency_plot(summary, metric) for metric in headline_names(summary.quality)]
    return [plot for plot in plots if plot is not None]


def _style_plot(summary: Summary, content: str) -> Plot | None:
    gram = headline_names(summary.quality)[0]
    points = quality_points(summary, content, gram)
    if not points:
        return None
    title = f"{LABELS[gram]} against {_lower(LABELS[content])}"
    counts = sorted({row.num_image_pairs for row in summary.quality if row.num_image_pairs})
    note = f"means over {' or '.join(map(str, counts))} image pairs"
    return Plot(
        name=f"style-{content}",
        title=title,
        caption=_front_sentence(points, content, gram)
        + _bars(points, content)
        + _external(summary)
        + _fewer_image_pairs(summary)
        + _untrained(summary),
        draw=partial(pareto_plot, points, x=content, y=gram, title=f"{title}, {note}"),
    )


def _latency_plot(summary: Summary, metric: str) -> Plot | None:
    chosen = choose_resolution(summary)
    points = latency_points(summary, metric, chosen.resolution) if chosen else []
    if not chosen or not points:
        return None
    title = f"{LABELS[metric]} against latency at {chosen.size}"
    return Plot(
        name=_latency_name(metric),
        title=title,
        caption=_front_sentence(points, "latency", metric)
        + _bars(points, "latency")
        + _borrowed(points)
        + _left_out(summary, points),
        draw=partial(pareto_plot, points, x="latency", y=metric, title=title, size=chosen.size),
    )


def _lower(label: str) -> str:
    return label[:1].lower() + label[1:]


def _front_sentence(points: Sequence[Point], x: str, y: str) -> str:
    """Name the points on the front, best on the vertical axis first, and the dominated ones."""
    front = mark_front(points, x=x, y=y)
    sign = -1 if HIGHER_IS_BETTER[y] else 1
    ranked = sorted(zip(points, front, strict=True), key=lambda each: sign * each[0].y.value)
    named = {
        "On the Pareto front": [point.name for point, on in ranked if on],
        "Dominated": [point.name for point, on in ranked if not on and not point.reference],
        "Never on the front, because it is no method": [p.name for p, _ in ranked if p.reference],
    }
    return " ".join(f"{title}: {', '.join(names)}." for title, names in named.items() if names)


def _bars(points: Sequence[Point], x: str) -> str:
    """Say what error bars are, and that those of metrics do not compare subjects."""
    text = ""
    if bars := name_intervals(each for point in points for each in (point.x, point.y)):
        text = f" Error bars: {bars}."
    if name_intervals(point.y for point in points):
        text += (
            " Those of metrics show the variation between image pairs, which all subjects share: "
            "*Differences between subjects* compares image pair by image pair."
        )
    columns = [[point.y for point in points]]
    columns += [] if x == "latency" else [[point.x for point in points]]
    return text + " Bars that reach the frame go on." * any(map(has_cut_bar, columns))


def _left_out(summary: Summary, points: Sequence[Point]) -> str:
    """Name the subjects with metric values that have no latency at the resolution."""
    shown = {(point.subject, point.transform) for point in points}
    absent = [
        row for row in summary.quality if row.metrics and (row.subject, row.transform) not in shown
    ]
    external = [row.subject for row in absent if row.external]
    unmeasured = [name_subject(r.subject, r.transform) for r in absent if not r.external]
    text = f" Not shown, latency not measured: {', '.join(unmeasured)}." if unmeasured else ""
    return text + (
        f" Not shown, external results without latency: {', '.join(external)}." if external else ""
    )


def _borrowed(points: Sequence[Point]) -> str:
    """Explain hollow points: metric values and latency are of two networks."""
    names = [
        f"{name_subject(p.subject, p.transform)} at the latency of {p.cost_subject}"
        for p in points
        if p.cost_subject
    ]
    return f" Hollow: {', '.join(names)}: {BORROWED_COST}." if names else ""


def _external(summary: Summary) -> str:
    names = [row.subject for row in summary.quality if row.external and row.metrics]
    return f" External results, read from files: {', '.join(names)}." if names else ""


def _untrained(summary: Summary) -> str:
    """Name the subjects with random weights, whose outputs mean nothing."""
    names = dict.fromkeys(row.subject for row in summary.quality if "untrained" in row.failures)
    return f" Without trained weights, not evaluated: {', '.join(names)}." if names else ""


def _fewer_image_pairs(summary: Summary) -> str:
    """Name the subjects that were evaluated on fewer image pairs than others."""
    most = max((row.num_image_pairs for row in summary.quality), default=0)
    fewer = [
        f"{name_subject(row.subject, row.transform)} ({row.num_image_pairs} of {most})"
        for row in summary.quality
        if 0 < row.num_image_pairs < most
    ]
    return f" On fewer image pairs than the others: {', '.join(fewer)}." if fewer else ""
