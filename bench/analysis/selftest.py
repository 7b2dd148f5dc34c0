"""The false-alarm rate of a self-test: how often two measurements of the same thing disagree."""

from collections.abc import Iterable
from dataclasses import dataclass

from bench.analysis.stats import process_interval, process_ratio_interval
from bench.records.identity import is_disturbed
from bench.records.schema import Record

MOST_ALARMS = 0.07
"""The largest accepted share of comparisons; a 95 % interval may miss in 5 %."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SelfTest:
    """The result of comparing a subject with itself.

    Attributes:
        num_comparisons: Comparisons.
        num_missing: Those whose two intervals of latency do not overlap.
        num_excluding: Those whose interval of the speed ratio excludes 1.
        num_processes: Processes of all comparisons.
        num_disturbed: Those during which the machine changed.
    """

    num_comparisons: int
    num_missing: int
    num_excluding: int
    num_processes: int
    num_disturbed: int

    @property
    def passed(self) -> bool:
        """Whether neither share is greater than `MOST_ALARMS`."""
        return max(self.num_missing, self.num_excluding) <= MOST_ALARMS * self.num_comparisons


def summarize_selftest(records: Iterable[Record], *, processes: int) -> SelfTest:
    """Compare the two names of each comparison.

    Args:
        records: Records of `bench.run.selftest`; comparisons with a failed record are left out.
        processes: Processes of each case in a comparison.
    """
    groups: dict[int, list[Record]] = {}
    for record in records:
        groups.setdefault(record.repeat // processes, []).append(record)
    complete = [
        group
        for group in groups.values()
        if len(group) == 3 * processes and all(record.status == "ok" for record in group)
    ]
    return SelfTest(
        num_comparisons=len(complete),
        num_missing=sum(map(_misses, complete)),
        num_excluding=sum(map(_excludes, complete)),
        num_processes=sum(map(len, complete)),
        num_disturbed=sum(is_disturbed(record) for group in complete for record in group),
    )


def _misses(group: Iterable[Record]) -> bool:
    """Whether the intervals of the two latencies do not overlap."""
    samples: dict[str, list[list[int]]] = {}
    for record in group:
        if record.kind == "cost" and record.latency_ns:
            samples.setdefault(record.case.subject, []).append(record.latency_ns)
    first, second = (process_interval(each).ends for each in samples.values())
    if first is None or second is None:
        return False
    return first[1] < second[0] or second[1] < first[0]


def _excludes(group: Iterable[Record]) -> bool:
    """Whether the interval of the speed ratio excludes 1."""
    ends = process_ratio_interval(
        [
            (record.latency_ns, record.other_latency_ns)
            for record in group
            if record.kind == "pair" and record.latency_ns and record.other_latency_ns
        ]
    ).ends
    return ends is not None and not ends[0] <= 1.0 <= ends[1]
