"""Facts that follow from counts and are not claims of the paper."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from bench.claims.evidence import find_cost, find_macs_per_pixel
from bench.claims.published import (
    FULL_WIDTH,
    MOBILENET_STUDENT,
    PEERS,
    STUDENTS,
    VGG_STUDENT,
    WCT2,
    Student,
)
from bench.claims.rows import Fact, cost_command, no_record
from bench.records.schema import Record


@dataclass(frozen=True, slots=True, kw_only=True)
class _Macs:
    """Multiply-adds of a content path per content pixel, and their source."""

    value: float | None
    source: str
    subject: str


def derive_facts(records: Sequence[Record]) -> list[Fact]:
    """Return the facts; one that lacks a record names the command that makes it."""
    recorded = {
        name: _Macs(
            value=find_macs_per_pixel(records, name), source=f"record of `{name}`", subject=name
        )
        for name in (FULL_WIDTH, *(student.subject for student in STUDENTS))
    }
    vgg, mobilenet = (
        _Macs(value=student.macs_per_pixel, source="counted", subject=student.subject)
        for student in STUDENTS
    )
    facts = [
        _macs_fact("full-width VGG-19 / the paper's VGG student", recorded[FULL_WIDTH], vgg),
        _macs_fact("the paper's VGG student / its MobileNet student", vgg, mobilenet),
    ]
    for a, b in pairwise(recorded):
        facts.append(_macs_fact(f"`{a}` / `{b}`", recorded[a], recorded[b]))
    facts += [_student_fact(student, records) for student in STUDENTS]
    both = VGG_STUDENT.num_params + VGG_STUDENT.num_eigenbasis_params
    source = f"{VGG_STUDENT.num_params:,} + {VGG_STUDENT.num_eigenbasis_params:,}, counted"
    facts.append(
        Fact(
            fact="VGG student: parameters with eigenbases, which 73K includes and 283K does not",
            figure=f"{both:,}",
            source=source,
            value=both,
        )
    )
    return [*facts, *_share_facts(records)]


def _macs_fact(sides: str, first: _Macs, second: _Macs) -> Fact:
    fact = f"MACs per content pixel, {sides}"
    for side in (first, second):
        if side.value is None:
            return _missing(fact, side.subject)
    a, b = first.value or 0.0, second.value or 1.0
    source = f"{a:,.0f} ({first.source}) / {b:,.0f} ({second.source})"
    return Fact(fact=fact, figure=f"{a / b:.1f}×", source=source, value=a / b)


def _missing(fact: str, subject: str) -> Fact:
    return Fact(fact=fact, source=no_record(cost_command(subject, "HD")).remark)


def _student_fact(student: Student, records: Sequence[Record]) -> Fact:
    fact = f"Parameters of the shipped student `{student.subject}`"
    record = find_cost(records, student.subject)
    if record is None or record.num_params is None:
        return _missing(fact, student.subject)
    bases = record.num_eigenbasis_params or 0
    source = (
        f"deployed, from its record; {record.num_params + bases:,} with {bases:,} eigenbasis "
        "parameters"
    )
    return Fact(fact=fact, figure=f"{record.num_params:,}", source=source, value=record.num_params)


def _share_facts(records: Sequence[Record]) -> list[Fact]:
    """Return the share of 73K parameters in those of the models that no claim is about."""
    part = MOBILENET_STUDENT.num_params + MOBILENET_STUDENT.num_eigenbasis_params
    facts = []
    for peer, title in PEERS.items():
        record = find_cost(records, peer)
        if peer != WCT2 and record and record.num_params:
            share = part / record.num_params
            facts.append(
                Fact(
                    fact=f"73K as a share of the parameters of {title}",
                    figure=f"{share * 100:.2f} %",
                    source=f"{part:,} of {record.num_params:,} (record of `{peer}`)",
                    value=share,
                )
            )
    return facts
