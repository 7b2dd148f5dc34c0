"""Where the time of each subject goes."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeAlias, get_args

from bench.analysis.amdahl import bound
from bench.records.identity import Machine, label_subjects, machine_of
from bench.records.schema import FILTER, Record
from bench.report.common.summary import Interval, Summary, median_latency_ms
from pcakd.utils.sections import SectionName

OTHER = "other"
STAGES: tuple[str, ...] = (*(name for name in get_args(SectionName) if name != FILTER), OTHER)
"""The stages of a stylization, in order; they sum to it. The filter, if any, comes after it."""

CONVOLUTIONS = ("encode", "decode")
"""The stages that distillation makes thinner."""

RowKey: TypeAlias = tuple[str, str, int, int, Machine]
"""Subject, transform, width, height and machine."""

_NS_PER_MS = 1e6
_NS_PER_S = 1e9


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """What one or more stages take.

    Attributes:
        latency_ns: Median.
        macs: Multiply-adds of the plain path; None where they are not counted.
        bytes: Read and written by the operators of the plain path; None where not counted.
        opaque: 1 where other work is only named, so that counts are lower bounds.
    """

    latency_ns: int
    macs: int | None = None
    bytes: int | None = None
    opaque: int = 0

    @property
    def macs_per_second(self) -> float | None:
        """The rate that is achieved; none from lower bounds."""
        if self.opaque or not self.macs or not self.latency_ns:
            return None
        return self.macs * _NS_PER_S / self.latency_ns

    @property
    def macs_per_byte(self) -> float | None:
        """The arithmetic intensity; none from lower bounds."""
        return self.macs / self.bytes if self.macs and self.bytes and not self.opaque else None


@dataclass(frozen=True, slots=True, kw_only=True)
class StagesRow:
    """The stages of one subject with one transform at one resolution.

    Attributes:
        latency_ms: Of calls that nobody watched; None where nothing was measured.
        macs_content: Multiply-adds of the networks on the content path; None where not recorded.
        stages: By name, those of STAGES and perhaps FILTER.
    """

    subject: str
    transform: str
    resolution: str
    width: int
    height: int
    machine: Machine
    status: str
    latency_ms: Interval | None
    macs_content: int | None
    stages: Mapping[str, Work]

    @property
    def key(self) -> RowKey:
        """Subject, transform, width, height and machine."""
        return self.subject, self.transform, self.width, self.height, self.machine

    @property
    def watched_ns(self) -> int:
        """The sum of the stages, the filter left out."""
        return sum(work.latency_ns for name, work in self.stages.items() if name != FILTER)

    @property
    def watching(self) -> float | None:
        """What watching adds to the latency, as a share of it."""
        if not self.latency_ms:
            return None
        return self.watched_ns / (self.latency_ms.value * _NS_PER_MS) - 1.0

    @property
    def convolutions(self) -> Work | None:
        """Encode and decode together; None for a subject without networks."""
        works = [self.stages[name] for name in CONVOLUTIONS if name in self.stages]
        if not works:
            return None
        return Work(
            latency_ns=sum(work.latency_ns for work in works),
            macs=sum(work.macs or 0 for work in works),
            bytes=sum(work.bytes or 0 for work in works),
            opaque=max(work.opaque for work in works),
        )

    @property
    def convolution_share(self) -> float | None:
        """The share of time in encode and decode; None where there is no such stage."""
        work = self.convolutions
        return work.latency_ns / self.watched_ns if work and self.watched_ns else None

    @property
    def bound(self) -> float | None:
        """What no thinning of the convolutions alone can exceed."""
        share = self.convolution_share
        return None if share is None else bound(share)

    def share(self, stage: str) -> float | None:
        """Return a stage's share of the time; the filter has none."""
        if stage == FILTER or not self.watched_ns:
            return None
        work = self.stages.get(stage)
        return work.latency_ns / self.watched_ns if work else 0.0

    def has_rate(self, stage: str) -> bool:
        """Tell whether multiply-adds a second mean anything in a stage.

        A network's transform is counted as a convolution of its own, which tiles spare: they fold
        it into the next one, in ``decode``. What is counted of the filter is not what is timed.
        """
        return stage != FILTER and (stage != "transform" or self.convolutions is None)


def stage_rows(summary: Summary) -> list[StagesRow]:
    """Return the rows of the records of stages, subjects in the order of the report."""
    names = label_subjects(summary.records)
    groups: dict[str, list[Record]] = {}
    for record in summary.records:
        if record.kind == "stages":
            groups.setdefault(record.case_hash, []).append(record)
    rows = [
        _row(names[group[0].case.subject, group[0].case.subject_hash], group)
        for group in groups.values()
    ]
    order = {name: place for place, name in enumerate((*summary.subjects, *names.values()))}
    return sorted(rows, key=lambda row: (order[row.subject], row.width * row.height))


def _row(subject: str, group: list[Record]) -> StagesRow:
    """Make a row of the repeats of one case: samples are joined, stages are those of the last."""
    measured = [record for record in group if record.status == "ok"]
    shown = (measured or group)[-1]
    case = shown.case
    samples = [ns for record in measured for ns in record.latency_ns or ()]
    return StagesRow(
        subject=subject,
        transform=case.transform,
        resolution=case.resolution or f"{case.width}x{case.height}",
        width=case.width or 0,
        height=case.height or 0,
        machine=machine_of(shown),
        status=shown.status,
        latency_ms=median_latency_ms(samples),
        macs_content=shown.macs_content,
        stages={name: Work(**work) for name, work in (shown.stages or {}).items()},
    )
