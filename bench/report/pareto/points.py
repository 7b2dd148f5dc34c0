"""The points of the Pareto plots."""

from collections.abc import Sequence
from dataclasses import dataclass

from bench.analysis.pareto import pareto_front
from bench.report.common.rows import CostRow, name_subject
from bench.report.common.subjects import is_reference
from bench.report.common.summary import HIGHER_IS_BETTER, Interval, Summary, joined_subject

_MARGIN = 0.12  # between the outermost mark and the frame, as a share of the axis


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """One subject with one transform in a Pareto plot.

    Attributes:
        cost_subject: The subject whose latency is shown, where it is not its own.
    """

    subject: str
    transform: str
    x: Interval
    y: Interval
    cost_subject: str | None = None

    @property
    def reference(self) -> bool:
        """Whether the point is the unchanged content, which the methods are compared with."""
        return is_reference(self.subject)

    @property
    def name(self) -> str:
        """The label: the subject, its transform, and the subject whose cost is shown."""
        name = name_subject(self.subject, self.transform)
        if self.reference:
            return f"{name} (reference)"
        return f"{name} (VGG-16; cost: {self.cost_subject}, VGG-19)" if self.cost_subject else name


def quality_points(summary: Summary, x: str, y: str) -> list[Point]:
    """Return the points of all subjects that have both metrics."""
    return [
        Point(subject=row.subject, transform=row.transform, x=row.metrics[x], y=row.metrics[y])
        for row in summary.quality
        if x in row.metrics and y in row.metrics
    ]


def latency_points(summary: Summary, metric: str, resolution: str) -> list[Point]:
    """Return the points of all subjects with a metric and a latency measured at a resolution.

    A subject without a cost is shown at the latency of the subject that its records name.
    """
    latency = {
        (row.subject, row.transform, row.machine): row.latency_ms
        for row in summary.cost
        if row.resolution == resolution and row.latency_ms is not None
    }
    points = []
    for row in summary.quality:
        payer = joined_subject(summary, row)
        measured = latency.get((payer or row.subject, row.transform, row.machine))
        if metric in row.metrics and measured is not None:
            points.append(
                Point(
                    subject=row.subject,
                    transform=row.transform,
                    x=measured,
                    y=row.metrics[metric],
                    cost_subject=payer,
                )
            )
    return points


def choose_resolution(summary: Summary) -> CostRow | None:
    """Return a row of the resolution for latency plots: most subjects, then most pixels."""
    evaluated = {
        (joined_subject(summary, row) or row.subject, row.transform)
        for row in summary.quality
        if row.metrics
    }
    measured = [
        row for row in summary.cost if row.latency_ms and (row.subject, row.transform) in evaluated
    ]
    names = [row.resolution for row in measured]
    return max(
        measured,
        key=lambda row: (names.count(row.resolution), row.pixels),
        default=None,
    )


def mark_front(points: Sequence[Point], *, x: str, y: str) -> tuple[bool, ...]:
    """Return for each point whether it is on the Pareto front; ``x`` and ``y`` name the axes.

    The reference is never on the front and dominates nothing.
    """
    places = [(point.x.value, point.y.value) for point in points if not point.reference]
    front = iter(pareto_front(places, (HIGHER_IS_BETTER[x], HIGHER_IS_BETTER[y])))
    return tuple(not point.reference and next(front) for point in points)


def axis_limits(intervals: Sequence[Interval]) -> tuple[float, float] | None:
    """Return the limits of a linear axis that shows all values, and error bars as far as sensible.

    Bars are shown as far beyond the values as the values lie apart: those of few image pairs are so
    long that the values could not be distinguished. None if all values are equal.
    """
    values = [each.value for each in intervals]
    spread = max(values) - min(values)
    if not spread:
        return None
    ends = [end for each in intervals for end in each.ends or ()]
    low = max(min([*values, *ends]), min(values) - spread)
    high = min(max([*values, *ends]), max(values) + spread)
    margin = _MARGIN * (high - low)
    return low - margin, high + margin


def has_cut_bar(intervals: Sequence[Interval]) -> bool:
    """Return whether an error bar is longer than `axis_limits` shows."""
    limits = axis_limits(intervals)
    ends = [end for each in intervals for end in each.ends or ()]
    return limits is not None and any(not limits[0] <= end <= limits[1] for end in ends)
