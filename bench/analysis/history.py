"""A figure over the commits of several run folders, and where its level changes. No torch."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from bench.analysis.stats import Interval, mean_interval, process_interval
from bench.records.identity import Machine, machine_of
from bench.records.schema import METRIC_NAMES, Record

FIGURES = ("latency", "memory", *METRIC_NAMES)
"""What can be followed: latency, peak memory, and the mean of each quality metric."""

_LEAST_POINTS = 4
_LEAST_SEGMENT = 2
_PENALTY = 5.0  # in units of log(points) and of the noise's variance
_TO_DEVIATION = 0.954  # median |difference of two normal values| / deviation
_SMALLEST_NOISE = 0.005


@dataclass(frozen=True, slots=True, kw_only=True)
class HistoryPoint:
    """The value of a line at one commit.

    Attributes:
        commit: The commit, marked ``-dirty`` if the code differed from it; ``unknown`` without.
        created: UTC time of its first record in ISO 8601.
        interval: The value with its 95 % interval.
    """

    commit: str
    created: str
    interval: Interval


@dataclass(frozen=True, slots=True, kw_only=True)
class HistoryLine:
    """One subject on one machine, commit by commit.

    Attributes:
        subject: Its name.
        transform: Its transform.
        place: Name of the resolution, or the number of image pairs of a metric.
        machine: The machine; lines of several machines are never joined.
        points: The values in the order of time.
        change_points: Indices of the points at which another level begins.
    """

    subject: str
    transform: str
    place: str
    machine: Machine
    points: Sequence[HistoryPoint]
    change_points: Sequence[int]


def collect_history(
    records: Iterable[Record], figure: str, *, subjects: Sequence[str] = (), resolution: str = "HD"
) -> list[HistoryLine]:
    """Return a line for each subject, transform and machine.

    Args:
        records: Records of several commits; those of one commit and case are joined.
        figure: One of `FIGURES`.
        subjects: The subjects to follow; none are all.
        resolution: Name of the resolution of latency and memory.
    """
    kind = "quality" if figure in METRIC_NAMES else "cost"
    groups: dict[tuple[str, str, Machine], dict[str, list[Record]]] = {}
    for record in sorted(records, key=lambda each: each.created):
        case = record.case
        chosen = record.kind == kind and record.status == "ok"
        here = kind == "quality" or case.resolution == resolution
        if chosen and here and (not subjects or case.subject in subjects):
            key = case.subject, case.transform, machine_of(record)
            groups.setdefault(key, {}).setdefault(_name_commit(record), []).append(record)
    lines = []
    for (subject, transform, machine), commits in groups.items():
        points = [
            HistoryPoint(commit=commit, created=own[0].created, interval=interval)
            for commit, own in commits.items()
            if (interval := _summarize(own, figure)) is not None
        ]
        if points:
            changes = find_change_points([point.interval.value for point in points])
            lines.append(
                HistoryLine(
                    subject=subject,
                    transform=transform,
                    place=resolution if kind == "cost" else "image pairs",
                    machine=machine,
                    points=points,
                    change_points=changes,
                )
            )
    return lines


def find_change_points(values: Sequence[float]) -> list[int]:
    """Return where the level of a series changes, by PELT on logarithms (squared error).

    The noise is estimated from differences of neighbours, so that few changes do not enter it; it
    is 0.5 % at least. Fewer than four values have no change points.

    Args:
        values: Positive values in the order of time.

    Returns:
        Indices at which another level begins.

    Source:
        R. Killick, P. Fearnhead and I. A. Eckley, Optimal detection of changepoints with a linear
        computational cost, J. Am. Statist. Assoc. 107 (2012), as in ruptures.

    >>> find_change_points([1.0, 1.01, 1.0, 1.5, 1.51, 1.5])
    [3]
    >>> find_change_points([1.0, 1.01, 0.99, 1.0, 1.01, 1.0])
    []
    """
    if len(values) < _LEAST_POINTS or min(values) <= 0:
        return []
    import ruptures  # slow to import

    logs = np.log(np.asarray(values, dtype=np.float64))
    noise = float(np.median(np.abs(np.diff(logs)))) / _TO_DEVIATION
    penalty = _PENALTY * math.log(len(values)) * max(noise, _SMALLEST_NOISE) ** 2
    search = ruptures.Pelt(model="l2", min_size=_LEAST_SEGMENT, jump=1).fit(logs[:, None])
    *changes, _ = search.predict(pen=penalty)
    return [int(each) for each in changes]


def _summarize(records: Sequence[Record], figure: str) -> Interval | None:
    """Return the value of one commit: over processes, or over image pairs."""
    if figure == "latency":
        processes = [record.latency_ns for record in records if record.latency_ns]
        return process_interval(processes) if processes else None
    if figure == "memory":
        peaks = [record.peak_bytes for record in records if record.peak_bytes]
        return Interval(value=float(np.median(peaks)), count=len(peaks)) if peaks else None
    latest = {record.case.pair: getattr(record, figure) for record in records}
    values = [each for each in latest.values() if each is not None]
    if not values:
        return None
    mean, low, high = mean_interval(values)
    return Interval(value=mean, low=low, high=high, count=len(values))


def _name_commit(record: Record) -> str:
    if record.commit is None:
        return "unknown"
    return f"{record.commit[:7]}{'-dirty' if record.dirty else ''}"
