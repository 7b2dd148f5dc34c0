"""Which subjects stand where in a Pareto plot."""

from collections.abc import Sequence
from dataclasses import dataclass

from bench.pareto import pareto_front
from bench.report.summary import HIGHER_IS_BETTER, CostRow, Interval, Summary


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """One subject with one transform in a Pareto plot."""

    subject: str
    transform: str
    x: Interval
    y: Interval

    @property
    def name(self) -> str:
        """The label: the subject, and its transform where it has a choice."""
        return self.subject if self.transform == "none" else f"{self.subject} · {self.transform}"


def quality_points(summary: Summary, x: str, y: str) -> list[Point]:
    """Return the points of all subjects that have both scores."""
    return [
        Point(subject=row.subject, transform=row.transform, x=row.scores[x], y=row.scores[y])
        for row in summary.quality
        if x in row.scores and y in row.scores
    ]


def latency_points(summary: Summary, score: str, resolution: str) -> list[Point]:
    """Return the points of all subjects with a score and a latency measured at a resolution."""
    latency = {
        (row.subject, row.transform, row.machine): row.latency_ms
        for row in summary.cost
        if row.resolution == resolution and row.latency_ms is not None
    }
    return [
        Point(subject=row.subject, transform=row.transform, x=measured, y=row.scores[score])
        for row in summary.quality
        if score in row.scores
        and (measured := latency.get((row.subject, row.transform, row.machine))) is not None
    ]


def choose_resolution(summary: Summary) -> CostRow | None:
    """Return a row of the resolution for latency plots: most subjects measured, then largest."""
    scored = {(row.subject, row.transform) for row in summary.quality if row.scores}
    measured = [
        row for row in summary.cost if row.latency_ms and (row.subject, row.transform) in scored
    ]
    names = [row.resolution for row in measured]
    return max(
        measured,
        key=lambda row: (names.count(row.resolution), row.width * row.height),
        default=None,
    )


def mark_front(points: Sequence[Point], *, x: str, y: str) -> tuple[bool, ...]:
    """Tell for each point whether it is on the front; ``x`` and ``y`` name what its axes show."""
    places = [(point.x.value, point.y.value) for point in points]
    return pareto_front(places, (HIGHER_IS_BETTER[x], HIGHER_IS_BETTER[y]))
