"""Speed ratios from the records of paired measurements. No torch."""

from collections.abc import Iterable
from dataclasses import dataclass

from bench.analysis.stats import MIN_SAMPLES, Interval, median, ratio_interval
from bench.records.identity import Machine, machine_of
from bench.records.schema import Case, Record


@dataclass(frozen=True, slots=True, kw_only=True)
class SpeedRatio:
    """What one paired measurement says; repeats of its case are joined.

    Attributes:
        record: The last record of the case, one that is ``ok`` if there is any.
        ratio: First subject's time over the second's: the second is that many times as fast. None
            where the measurement did not end well.
        latency_ns: Median of the first subject.
        other_latency_ns: Median of the second one.
    """

    record: Record
    ratio: Interval | None = None
    latency_ns: float | None = None
    other_latency_ns: float | None = None

    @property
    def case(self) -> Case:
        """What was measured."""
        return self.record.case

    @property
    def machine(self) -> Machine:
        """The machine that it was measured on."""
        return machine_of(self.record)


def speed_ratios(records: Iterable[Record]) -> list[SpeedRatio]:
    """Return one entry for each paired measurement, in the order of the records.

    Args:
        records: Of one folder; of two records of one repeat, only the one that counts.
    """
    groups: dict[str, list[Record]] = {}
    for record in records:
        if record.kind == "pair":
            groups.setdefault(record.case_hash, []).append(record)
    return [_join(group) for group in groups.values()]


def describe_ratio(speed: SpeedRatio) -> str:
    """Say in one sentence what a paired measurement found."""
    case = speed.case
    first, second = (
        name if transform in ("zca", "none") else f"{name}@{transform}"
        for name, transform in (
            (case.subject, case.transform),
            (case.other or "", case.other_transform),
        )
    )
    threads = f"{case.threads} thread" + ("s" if case.threads != 1 else "")
    place = f"{case.resolution}, {case.device} {case.device_name}, {threads}"
    if speed.ratio is None:
        reason = speed.record.reason or "no reason recorded"
        return f"{first} against {second}: {speed.record.status}, {reason} ({place})"
    ratio = speed.ratio
    rounds = f"{ratio.count} round" + ("s" if ratio.count != 1 else "")
    span = "95 % interval" if ratio.count >= MIN_SAMPLES else "min to max"
    low, high = (format_ratio(end, ratio.value) for end in (ratio.low, ratio.high))
    ends = f"{span} {low} to {high}, "
    return (
        f"{second} is {format_ratio(ratio.value)}× as fast as {first} "
        f"({ends if ratio.count > 1 else ''}{rounds}, {place})"
    )


def format_ratio(value: float, beside: float | None = None) -> str:
    """Write a ratio: two decimals below 3, one below 30, whole above.

    Args:
        value: The ratio, or an end of its interval.
        beside: The ratio whose decimals to take.

    >>> format_ratio(0.987), format_ratio(9.71), format_ratio(41.3), format_ratio(2.9, 3.1)
    ('0.99', '9.7', '41', '2.9')
    """
    scale = value if beside is None else beside
    return f"{value:.{2 if scale < 3 else 1 if scale < 30 else 0}f}"


def invert_ratio(ratio: Interval) -> Interval:
    """Return the ratio of the second subject's time over the first's.

    >>> invert_ratio(Interval(value=4.0, low=2.0, high=5.0, count=6))
    Interval(value=0.25, low=0.2, high=0.5, count=6)
    """
    return Interval(
        value=1 / ratio.value, low=1 / ratio.high, high=1 / ratio.low, count=ratio.count
    )


def _join(group: list[Record]) -> SpeedRatio:
    measured = [
        (record, record.latency_ns, record.other_latency_ns)
        for record in group
        if record.status == "ok" and record.latency_ns and record.other_latency_ns
    ]
    if not measured:
        return SpeedRatio(record=group[-1])
    first = [ns for _, samples, _ in measured for ns in samples]
    second = [ns for _, _, samples in measured for ns in samples]
    return SpeedRatio(
        record=measured[-1][0],
        ratio=ratio_interval(first, second),
        latency_ns=median(first),
        other_latency_ns=median(second),
    )
