"""The list of cases that were not measured, with the reasons."""

from collections.abc import Iterator
from typing import NamedTuple

from bench.analysis.ratios import speed_ratios
from bench.records.schema import Record
from bench.report.common.rows import CostRow
from bench.report.common.summary import Summary


class Missing(NamedTuple):
    """A case without a measurement.

    Attributes:
        status: As recorded, for example ``predicted`` or ``oom``.
        reason: In one line.
        case: Its name.
    """

    status: str
    reason: str
    case: str


def not_measured_text(summary: Summary) -> str:
    """Write the list, one line for each status and reason; empty if everything was measured."""
    reasons: dict[tuple[str, str], list[str]] = {}
    for each in _list_missing(summary):
        reasons.setdefault((each.status, each.reason), []).append(each.case)
    if not reasons:
        return ""
    lines = [f"- **{s}** ({why}): {', '.join(cases)}" for (s, why), cases in reasons.items()]
    return "### Cases that were not measured\n\n" + "\n".join(lines) + "\n"


def _list_missing(summary: Summary) -> Iterator[Missing]:
    for row in summary.cost:
        if row.status != "ok":
            case = f"{row.subject} at {row.resolution}"
            yield Missing(row.status, _oom_note(row) + _one_line(row.reason), case)
    for record in summary.records:
        if record.status != "ok" and record.kind in ("stages", "quality", "curve"):
            yield Missing(record.status, _one_line(record.reason), _name_case(record))
    for speed in speed_ratios(summary.records, busy=True):
        if speed.ratio is None:
            record = speed.record
            yield Missing(record.status, _one_line(record.reason), _name_case(record))


def _one_line(reason: str | None) -> str:
    return " ".join((reason or "no reason recorded").split())


def _oom_note(row: CostRow) -> str:
    if not row.predicted_oom:
        return ""
    return f"≈ OOM{'?' * row.near_oom}: would need more memory than allowed; "


def _name_case(record: Record) -> str:
    case = record.case
    if record.kind == "pair":
        return f"{case.subject} against {case.other} at {case.resolution} (speed ratio)"
    if record.kind == "stages":
        return f"{case.subject} at {case.resolution} (time breakdown)"
    setting = ""
    if case.strength is not None:
        setting = f" at strength {case.strength:g}"
    elif case.regularizer is not None:
        setting = f" at λ × {case.regularizer:g}"
    pair = f" on image pair {case.pair}" if case.pair else " (quality)"
    return f"{case.subject}{setting}{pair}"
