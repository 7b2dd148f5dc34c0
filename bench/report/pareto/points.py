"""Which subjects stand where in a Pareto plot."""

from collections.abc import Sequence
from dataclasses import dataclass

from bench.analysis.pareto import pareto_front
from bench.report.common.rows import CostRow
from bench.report.common.summary import HIGHER_IS_BETTER, Interval, Summary, joined_subject


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """One subject with one transform in a Pareto plot.

    Attributes:
        cost_subject: The subject whose latency it is, where that is not its own.
    """

    subject: str
    transform: str
    x: Interval
    y: Interval
    cost_subject: str | None = None

    @property
    def name(self) -> str:
        """The label: the subject, its transform where it has a choice, and whose cost it has."""
        name = name_subject(self.subject, self.transform)
        return f"{name} (VGG-16; cost: {self.cost_subject}, VGG-19)" if self.cost_subject else name


def name_subject(subject: str, transform: str) -> str:
    """Name a subject with its transform, where it has a choice of one.

    >>> name_subject("vgg16", "zca"), name_subject("mkl", "none")
    ('vgg16 · zca', 'mkl')
    """
    return subject if transform == "none" else f"{subject} · {transform}"


def quality_points(summary: Summary, x: str, y: str) -> list[Point]:
    """Return the points of all subjects that have both scores."""
    return [
        Point(subject=row.subject, transform=row.transform, x=row.scores[x], y=row.scores[y])
        for row in summary.quality
        if x in row.scores and y in row.scores
    ]


def latency_points(summary: Summary, score: str, resolution: str) -> list[Point]:
    """Return the points of all subjects with a score and a latency measured at a resolution.

    A subject that has no cost of its own stands at the latency of the one that its records name.
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
        if score in row.scores and measured is not None:
            points.append(
                Point(
                    subject=row.subject,
                    transform=row.transform,
                    x=measured,
                    y=row.scores[score],
                    cost_subject=payer,
                )
            )
    return points


def choose_resolution(summary: Summary) -> CostRow | None:
    """Return a row of the resolution for latency plots: most subjects measured, then largest."""
    scored = {
        (joined_subject(summary, row) or row.subject, row.transform)
        for row in summary.quality
        if row.scores
    }
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
