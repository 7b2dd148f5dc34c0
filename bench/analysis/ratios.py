"""Speed ratios from the records of interleaved measurements. No torch."""

from collections.abc import Iterable
from dataclasses import dataclass

from bench.analysis.stats import Interval, median, process_ratio_interval
from bench.records.identity import Machine, is_disturbed, machine_of
from bench.records.schema import Case, Record


@dataclass(frozen=True, slots=True, kw_only=True)
class SpeedRatio:
    """The result of one interleaved measurement, over all repeats of its case.

    Attributes:
        record: The last successful record of the case, or the last one if all failed.
        ratio: Time of the first subject divided by that of the second: the second is that many
            times as fast. None if the measurement failed.
        num_processes: Processes that measured it.
        num_disturbed: Those during which the machine changed.
        num_rounds: Rounds of all of them.
        latency_ns: Median time of the first subject.
        other_latency_ns: Median time of the second subject.
    """

    record: Record
    ratio: Interval | None = None
    num_processes: int = 0
    num_disturbed: int = 0
    num_rounds: int = 0
    latency_ns: float | None = None
    other_latency_ns: float | None = None

    @property
    def case(self) -> Case:
        """The case of the measurement."""
        return self.record.case

    @property
    def machine(self) -> Machine:
        """The machine that it was measured on."""
        return machine_of(self.record)


BESIDE = {"loops": "endless loops", "torch": "a PyTorch program"}
"""What ran beside a measurement (`bench.records.schema.Case`), in words."""


def speed_ratios(records: Iterable[Record], *, busy: bool = False) -> list[SpeedRatio]:
    """Return one entry for each interleaved measurement, in the order of the records.

    Args:
        records: The latest records of one folder.
        busy: Whether those beside other programs are included.
    """
    groups: dict[str, list[Record]] = {}
    for record in records:
        if record.kind == "pair" and (busy or record.case.beside is None):
            groups.setdefault(record.case_hash, []).append(record)
    return [_join(group) for group in groups.values()]


def describe_ratio(speed: SpeedRatio) -> str:
    """Return the result of an interleaved measurement as one sentence."""
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
    place += f", beside {BESIDE[case.beside]}" if case.beside else ""
    if speed.ratio is None:
        reason = speed.record.reason or "no reason recorded"
        return f"{first} against {second}: {speed.record.status}, {reason} ({place})"
    ratio = speed.ratio
    rounds = f"{speed.num_rounds} round" + ("s" if speed.num_rounds != 1 else "")
    if speed.num_processes > 1:
        rounds += f" in {speed.num_processes} processes"
    span = ""
    if ratio.ends:
        low, high = (format_ratio(end, ratio.value) for end in ratio.ends)
        span = f"95 % interval {low} to {high}, "
    value = format_ratio(ratio.value)
    return f"{second} is {value}× as fast as {first} ({span}{rounds}, {place})"


def format_ratio(value: float, beside: float | None = None) -> str:
    """Format a ratio: two decimals below 3, one below 30, none above.

    Args:
        value: The ratio, or an end of its interval.
        beside: The ratio that decides the number of decimals; by default ``value``.

    >>> format_ratio(0.987), format_ratio(9.71), format_ratio(41.3), format_ratio(2.9, 3.1)
    ('0.99', '9.7', '41', '2.9')
    """
    scale = value if beside is None else beside
    return f"{value:.{2 if scale < 3 else 1 if scale < 30 else 0}f}"


def format_ratio_interval(ratio: Interval) -> str:
    """Format the interval of a ratio; empty if there is none.

    >>> format_ratio_interval(Interval(value=4.0, low=2.0, high=5.0, count=6))
    '[2.0, 5.0]'
    """
    if ratio.ends is None:
        return ""
    low, high = (format_ratio(end, ratio.value) for end in ratio.ends)
    return f"[{low}, {high}]"


def invert_ratio(ratio: Interval) -> Interval:
    """Return the ratio with the two subjects exchanged.

    >>> invert_ratio(Interval(value=4.0, low=2.0, high=5.0, count=6))
    Interval(value=0.25, low=0.2, high=0.5, count=6)
    """
    low, high = (1 / ratio.ends[1], 1 / ratio.ends[0]) if ratio.ends else (None, None)
    return Interval(value=1 / ratio.value, low=low, high=high, count=ratio.count)


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
        ratio=process_ratio_interval([(first, second) for _, first, second in measured]),
        num_processes=len(measured),
        num_disturbed=sum(is_disturbed(record) for record, _, _ in measured),
        num_rounds=len(first),
        latency_ns=median(first),
        other_latency_ns=median(second),
    )
