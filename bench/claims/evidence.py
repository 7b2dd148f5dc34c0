"""Finds the speeds, metric values and counts that the claims need in records. No torch."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from bench.analysis.differences import difference_interval
from bench.analysis.ratios import SpeedRatio, invert_ratio
from bench.analysis.stats import Interval
from bench.claims.published import SMALLEST_PIXELS, TRAINED, TRANSFORM, Student
from bench.quality.protocol import without_filter
from bench.records.identity import Machine, is_external
from bench.records.schema import Case, Record

Place: TypeAlias = tuple[Machine, str]
"""Machine and resolution."""

_TRANSFORMS = (TRANSFORM, "none")
_SAME_WORK = 0.01
_PERIOD = 16  # counts are proportional to pixels where both sides are multiples of this


def place_of(case: Case) -> Place:
    """Return the device, threads and size of a case."""
    resolution = case.resolution or f"{case.width}x{case.height}"
    return Machine(case.device, case.device_name, case.threads), resolution


def describe_place(place: Place) -> str:
    """Format a place: ``HD, cpu Some CPU, 2 threads``."""
    (device, name, threads), resolution = place
    return f"{resolution}, {device} {name}, {threads} thread{'s' if threads != 1 else ''}"


def find_speeds(
    speeds: Iterable[SpeedRatio], slow: str, fast: str
) -> dict[Place, tuple[Interval | None, Record]]:
    """Return how many times as fast ``fast`` is as ``slow``, for each place.

    A measurement in the other order is inverted. Of several at one place the last successful one
    counts, and a failed one only if all failed. Sizes below the paper's smallest one are ignored.
    """
    found: dict[Place, tuple[Interval | None, Record]] = {}
    for speed in speeds:
        case = speed.case
        if case.transform not in _TRANSFORMS or case.other_transform not in _TRANSFORMS:
            continue
        if (case.width or 0) * (case.height or 0) < SMALLEST_PIXELS:
            continue
        ratio, place = speed.ratio, place_of(case)
        if (case.subject, case.other) == (fast, slow):
            ratio = invert_ratio(ratio) if ratio else None
        elif (case.subject, case.other) != (slow, fast):
            continue
        if ratio is not None or place not in found or found[place][0] is None:
            found[place] = ratio, speed.record
    return found


@dataclass(frozen=True, slots=True, kw_only=True)
class QualityDifference:
    """Metric values of a student minus those of a peer over image pairs, on one machine."""

    place: str
    difference: Interval
    means: tuple[float, float]


MetricValues = dict[tuple[str | int | None, ...], float]


def find_differences(
    records: Sequence[Record], student: str, peer: str, metric: str
) -> list[QualityDifference]:
    """Compare two subjects over their common image pairs, for each machine and protocol.

    Metric values are compared only if files, size and protocol are the same. Image pairs at two
    sizes do not count twice.
    """
    ours, theirs = (_values(records, subject, metric) for subject in (student, peer))
    common = [key for key in ours if key in theirs]
    found = []
    for group in dict.fromkeys((*key[:3], key[-1]) for key in common):
        keys = [key for key in common if (*key[:3], key[-1]) == group]
        a, b = ([values[key] for key in keys] for values in (ours, theirs))
        found.append(
            QualityDifference(
                place=f"{_count_pairs(len(keys))}, {group[0]} {group[1]}",
                difference=difference_interval(a, b),
                means=(sum(a) / len(a), sum(b) / len(b)),
            )
        )
    return found


def _count_pairs(count: int) -> str:
    return f"{count} image pair{'s' if count != 1 else ''}"


def _values(records: Iterable[Record], subject: str, metric: str) -> MetricValues:
    """Return the metric values of the last version of a subject, averaged over repeats."""
    own = [r for r in _quality(records, subject) if getattr(r, metric) is not None]
    values: dict[tuple[str | int | None, ...], list[float]] = {}
    for record in own:
        case = record.case
        if case.subject_hash == own[-1].case.subject_hash:
            key = (
                case.device, case.device_name, case.threads, case.pair, case.pair_hash, case.width,
                case.height, without_filter((record.protocol or {}).get(metric)),
            )  # fmt: skip
            values.setdefault(key, []).append(getattr(record, metric))
    return {key: sum(many) / len(many) for key, many in values.items()}


def _quality(records: Iterable[Record], subject: str) -> list[Record]:
    return [
        record
        for record in records
        if record.kind == "quality"
        and record.status == "ok"
        and record.case.subject == subject
        and not is_external(record)
        and record.case.transform in _TRANSFORMS
    ]


def list_quality_subjects(records: Sequence[Record], peer: str) -> tuple[str, ...]:
    """Return the subjects whose quality stands for a peer: the peer, or peers trained here."""
    if _quality(records, peer):
        return (peer,)
    names = [
        record.case.subject
        for record in records
        if record.kind == "quality"
        and record.status == "ok"
        and not is_external(record)
        and peer in (record.cost_subject, TRAINED.get(record.case.subject))
    ]
    return tuple(dict.fromkeys(names))


def is_untrained(records: Iterable[Record], subject: str) -> bool:
    """Return whether the records mark a subject as untrained."""
    return any(r.case.subject == subject and r.status == "untrained" for r in records)


def find_cost(records: Iterable[Record], subject: str) -> Record | None:
    """Return the last cost record of a subject with its parameters, of any status."""
    found = [r for r in _cost(records, subject) if r.num_params is not None]
    return found[-1] if found else None


def find_macs_per_pixel(records: Iterable[Record], subject: str) -> float | None:
    """Return the multiply-adds of a subject's content path per content pixel.

    Sizes that are not multiples of 16 include padding and are ignored.
    """
    for record in _cost(records, subject):
        case = record.case
        found = macs_per_pixel(record.macs_content, case.width or 0, case.height or 0)
        if found is not None:
            return found
    return None


def macs_per_pixel(macs_content: int | None, width: int, height: int) -> float | None:
    """Return the multiply-adds of a content path per pixel; None for sizes that include padding."""
    whole = width > 0 and height > 0 and width % _PERIOD == height % _PERIOD == 0
    return macs_content / (width * height) if whole and macs_content is not None else None


def is_same_work(ours: float, student: Student) -> bool:
    """Return whether multiply-adds per content pixel equal those of a student of the paper."""
    return abs(ours / student.macs_per_pixel - 1) < _SAME_WORK


def find_largest(
    records: Iterable[Record], subject: str, size: tuple[int, int]
) -> dict[Place, Record]:
    """Return the last cost record of a subject at one size, for each place."""
    return {
        place_of(record.case): record
        for record in _cost(records, subject)
        if (record.case.width, record.case.height) == size
    }


def _cost(records: Iterable[Record], subject: str) -> list[Record]:
    return [
        record
        for record in records
        if record.kind == "cost"
        and record.repeat == 0  # it has the memory, too
        and record.case.subject == subject
        and record.case.transform in _TRANSFORMS
    ]
