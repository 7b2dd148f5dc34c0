"""The time breakdown of each subject: the time, work and memory traffic of each section."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeAlias, get_args

from bench.analysis.amdahl import bound
from bench.records.identity import Machine, label_subjects, machine_of
from bench.records.schema import FILTER, FILTER_SEPARATOR, Record
from bench.records.units import NS_PER_MS, NS_PER_S
from bench.report.common.rows import CaseRow, name_size
from bench.report.common.summary import Interval, Summary, median_latency_ms
from pcakd.utils.sections import SectionName

OTHER = "other"
SECTIONS: tuple[str, ...] = (*(name for name in get_args(SectionName) if name != FILTER), OTHER)
"""The sections of a stylization, in order; their times sum to its time."""

CONVOLUTIONS = ("encode", "decode")
"""The sections whose layers distillation makes thinner."""

RowKey: TypeAlias = tuple[str, str, int, int, Machine]
"""Subject, transform, width, height and machine."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """Time, multiply-adds and memory traffic of one or more sections.

    Attributes:
        latency_ns: Median.
        macs: Multiply-adds without tiles; None if not counted.
        bytes: Read and written by the operators without tiles; None if not counted.
        opaque: 1 if uncounted operators make the counts lower bounds.
    """

    latency_ns: int
    macs: int | None = None
    bytes: int | None = None
    opaque: int = 0

    @property
    def macs_per_second(self) -> float | None:
        """The achieved rate; None if the counts are lower bounds."""
        if self.opaque or not self.macs or not self.latency_ns:
            return None
        return self.macs * NS_PER_S / self.latency_ns

    @property
    def macs_per_byte(self) -> float | None:
        """The arithmetic intensity; None if the counts are lower bounds."""
        return self.macs / self.bytes if self.macs and self.bytes and not self.opaque else None


@dataclass(frozen=True, slots=True, kw_only=True)
class BreakdownRow(CaseRow):
    """The time breakdown of one subject with one transform at one resolution.

    Attributes:
        latency_ms: Median of uninstrumented calls; None if nothing was measured.
        macs_content: Multiply-adds of the networks on the content path; None if not recorded.
        sections: By name: those of SECTIONS that the subject has, and FILTER if it was measured.
    """

    latency_ms: Interval | None
    macs_content: int | None
    sections: Mapping[str, Work]

    @property
    def key(self) -> RowKey:
        """Subject, transform, width, height and machine."""
        return self.subject, self.transform, self.width, self.height, self.machine

    @property
    def size(self) -> str:
        """The resolution's name and its pixels: ``HD 1280×720``."""
        return name_size(self.resolution, self.width, self.height)

    @property
    def instrumented_ns(self) -> int:
        """The sum of all sections, without a filter that is no part of the subject."""
        own = (work for name, work in self.sections.items() if not self.is_optional(name))
        return sum(work.latency_ns for work in own)

    def is_optional(self, section: str) -> bool:
        """Return whether a section is the filter and no part of the subject."""
        return section == FILTER and FILTER_SEPARATOR not in self.subject

    @property
    def timer_overhead(self) -> float | None:
        """How much longer the instrumented calls took, as a share of the uninstrumented latency."""
        if not self.latency_ms:
            return None
        return self.instrumented_ns / (self.latency_ms.value * NS_PER_MS) - 1.0

    @property
    def convolutions(self) -> Work | None:
        """Encode and decode together; None for a subject without a network."""
        works = [self.sections[name] for name in CONVOLUTIONS if name in self.sections]
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
        """The share of time in encode and decode; None for a subject without a network."""
        work = self.convolutions
        return work.latency_ns / self.instrumented_ns if work and self.instrumented_ns else None

    @property
    def bound(self) -> float | None:
        """The largest possible speed-up by faster convolutions alone (Amdahl)."""
        share = self.convolution_share
        return None if share is None else bound(share)

    def share(self, section: str) -> float | None:
        """Return a section's share of the time; a filter that is optional has none."""
        if self.is_optional(section) or not self.instrumented_ns:
            return None
        work = self.sections.get(section)
        return work.latency_ns / self.instrumented_ns if work else 0.0

    def has_rate(self, section: str) -> bool:
        """Return whether multiply-adds per second are meaningful for a section.

        A network's transform is counted as a separate convolution, but tiles fold it into the
        next convolution, in ``decode``. The filter that is counted is not the one that is timed.
        """
        return section != FILTER and (section != "transform" or self.convolutions is None)


def breakdown_rows(summary: Summary) -> list[BreakdownRow]:
    """Return the time breakdowns of the records, subjects in the order of the report."""
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
    return sorted(rows, key=lambda row: (order[row.subject], row.pixels))


def _row(subject: str, group: list[Record]) -> BreakdownRow:
    """Make a row of the repeats of one case: samples are joined, sections are of the last."""
    measured = [record for record in group if record.status == "ok"]
    shown = (measured or group)[-1]
    case = shown.case
    samples = [ns for record in measured for ns in record.latency_ns or ()]
    return BreakdownRow(
        subject=subject,
        transform=case.transform,
        resolution=case.resolution or f"{case.width}x{case.height}",
        width=case.width or 0,
        height=case.height or 0,
        machine=machine_of(shown),
        status=shown.status,
        latency_ms=median_latency_ms(samples),
        macs_content=shown.macs_content,
        sections={name: Work(**work) for name, work in (shown.stages or {}).items()},
    )
