"""Claims about quality, from the metric values of common image pairs."""

from collections.abc import Sequence

from bench.claims.evidence import (
    QualityDifference,
    find_differences,
    is_untrained,
    list_quality_subjects,
)
from bench.claims.published import ENCODERS, PEERS, QualityClaim, Student
from bench.claims.rows import (
    ClaimRow,
    join_remarks,
    missing_row,
    no_record,
    quality_command,
)
from bench.claims.verdicts import Finding, judge_direction
from bench.quality.protocol import METRICS
from bench.records.schema import MetricName, Record
from pcakd.cards import add_relatives

_METRICS = {str(metric.name): metric for metric in METRICS}


def quality_rows(
    claim: QualityClaim, student: Student, records: Sequence[Record]
) -> list[ClaimRow]:
    """Judge one claim for one student by each metric, on each machine that measured both."""
    rows = [
        row for metric in claim.metrics for row in _metric_rows(claim, metric, student, records)
    ] or _metric_rows(claim, claim.literature, student, records)
    finding = _why_none(claim.peer, student.subject, records)
    title, published = _title(claim, student), _published(claim.literature)
    return rows or [missing_row(title, published, "metric value", finding)]


def _metric_rows(
    claim: QualityClaim, metric: MetricName, student: Student, records: Sequence[Record]
) -> list[ClaimRow]:
    rows = []
    for subject in list_quality_subjects(records, claim.peer):
        note = join_remarks(
            _describe_training(metric, student, records), _describe_stand_in(subject, claim.peer)
        )
        for found in find_differences(records, student.subject, subject, metric):
            finding = judge_direction(found.difference, higher=_METRICS[metric].higher_is_better)
            row = _difference_row(_title(claim, student), _published(metric), found, finding, note)
            rows.append(row)
    return rows


def _title(claim: QualityClaim, student: Student) -> str:
    return f"{student.title}: {claim.published} than {PEERS[claim.peer]}"


def _published(metric: MetricName) -> str:
    described = _METRICS[metric]
    return f"{'higher' if described.higher_is_better else 'lower'} {described.title}"


def _describe_training(metric: MetricName, student: Student, records: Sequence[Record]) -> str:
    own = (record for record in records if record.case.subject == student.subject)
    trained = {name for record in own for name in record.trained_metrics or ()}
    if metric not in add_relatives(trained):
        return ""
    title = _METRICS[metric].title
    return f"`{student.subject}` was trained on the formula of {title} or a close relative of it"


def _difference_row(
    claim: str, published: str, found: QualityDifference, finding: Finding, note: str
) -> ClaimRow:
    difference = found.difference
    means = f"{found.means[0]:.3f} against {found.means[1]:.3f}"
    return ClaimRow(
        claim=claim,
        published=published,
        measured=f"{difference.value:+.3f}",
        span=" to ".join(f"{end:+.3f}" for end in difference.ends) if difference.ends else "—",
        place=found.place,
        verdict=finding.verdict,
        remark=join_remarks(finding.remark, means, note),
        unit="metric value",
        value=difference.value,
        low=difference.low,
        high=difference.high,
        count=difference.count,
    )


def _describe_stand_in(subject: str, peer: str) -> str:
    if subject == peer:
        return ""
    how = f", {ENCODERS[subject]}" if subject in ENCODERS else ""
    return (
        f"`{subject}` stands for {PEERS[peer]}{how}; its decoder was trained here, and that of the "
        "authors may keep more content"
    )


def _why_none(peer: str, student: str, records: Sequence[Record]) -> Finding:
    """Return why a claim cannot be judged: no metric values, none in common, or no training."""
    subjects = list_quality_subjects(records, peer)
    if not subjects and is_untrained(records, peer):
        return Finding(verdict="not comparable", remark=f"`{peer}` is untrained and has no quality")
    if subjects and student in list_quality_subjects(records, student):
        remark = f"`{student}` and `{subjects[0]}` have no image pair, size and protocol in common"
        return Finding(verdict="not comparable", remark=remark)
    if not subjects:
        remark = (
            f"no record: run `python -m bench train {peer}`, then, with the FILE that it writes, "
            f"`python -m {quality_command('FILE')}`"
        )
        return Finding(verdict="not comparable", remark=remark)
    return no_record(quality_command(student))
