"""Checks each claim of the paper against the records of a run folder."""

from collections.abc import Iterable, Sequence

from bench.analysis.ratios import speed_ratios
from bench.claims.counts import largest_rows, parameter_rows
from bench.claims.evidence import find_macs_per_pixel, is_same_work
from bench.claims.published import (
    PEERS,
    QUALITY_CLAIMS,
    SPEED_CLAIMS,
    STUDENTS,
    TRAINED,
    Student,
)
from bench.claims.quality import quality_rows
from bench.claims.rows import ClaimRow, join_remarks
from bench.claims.speed import overall_rows, speed_rows
from bench.records.schema import Record


def check_claims(records: Sequence[Record]) -> list[ClaimRow]:
    """Check each claim against the records.

    Args:
        records: The latest records of one folder.
    """
    speeds = speed_ratios(records)
    rows = [*parameter_rows(records)]
    for claim in SPEED_CLAIMS:
        sides = (claim.slow, claim.fast.subject)
        rows += speed_rows(claim, speeds, note=_compare_macs(sides, records))
    students = [student.subject for student in STUDENTS]
    rows += overall_rows(speeds, note=_compare_macs(students, records))
    for student in STUDENTS:
        rows += largest_rows(student, records)
    for quality in QUALITY_CLAIMS:
        for student in STUDENTS:
            rows += quality_rows(quality, student, records)
    return rows


def has_evidence(records: Sequence[Record]) -> bool:
    """Return whether records hold a speed ratio or an existing model."""
    return any(
        record.kind == "pair"
        or record.case.subject in PEERS.keys() | TRAINED.keys()
        or record.cost_subject in PEERS
        for record in records
    )


def _compare_macs(subjects: Iterable[str], records: Sequence[Record]) -> str:
    """Return how the MACs of students differ from the paper's; empty if they do not."""
    known = {student.subject: student for student in STUDENTS}
    notes = [_compare_student(known[name], records) for name in subjects if name in known]
    return join_remarks(*notes)


def _compare_student(student: Student, records: Sequence[Record]) -> str:
    macs = find_macs_per_pixel(records, student.subject)
    if macs is None or is_same_work(macs, student):
        return ""
    change = 100 * (macs / student.macs_per_pixel - 1)
    return (
        f"`{student.subject}` has {abs(change):.0f} % {'fewer' if change < 0 else 'more'} MACs per "
        "pixel than the paper's student"
    )
