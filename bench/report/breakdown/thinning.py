"""The speed-up of thinner networks: students against their full-width autoencoders."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeAlias

from bench.analysis.amdahl import speedup
from bench.analysis.ratios import (
    format_ratio,
    format_ratio_interval,
    invert_ratio,
    speed_ratios,
)
from bench.claims.evidence import is_same_work, macs_per_pixel
from bench.claims.published import STUDENTS
from bench.records.identity import Machine, label_subjects
from bench.records.units import NS_PER_MS
from bench.report.breakdown.rows import BreakdownRow, RowKey, breakdown_rows
from bench.report.common.formats import format_count, format_number
from bench.report.common.summary import Interval, Summary

FULL_WIDTH_OF = {
    "vgg16": "vgg19-full",
    "vgg19": "vgg19-full",
    "mobilenet_v1": "mobilenet_v1-full",
    "mobilenet_v1-m": "mobilenet_v1-full",
    "mobilenet_v1-s": "mobilenet_v1-full",
}
"""Students and their full-width autoencoders."""

_PAPERS = {student.subject: student for student in STUDENTS}
_Ratios: TypeAlias = Mapping[tuple[RowKey, RowKey], Interval]


@dataclass(frozen=True, slots=True, kw_only=True)
class Thinning:
    """A student against its full-width autoencoder, at the same resolution on the same machine.

    Attributes:
        student: The time breakdown of the student.
        full: The time breakdown of the autoencoder.
        macs_ratio: Ratio of the multiply-adds of their convolutions, for both images.
        content_ratio: The same ratio on the content path; None if not recorded.
        paper_ratio: The content ratio of the paper's student; None if there is none or it is equal.
        expected: Expected speed-up at an unchanged rate, with everything else as it was.
        measured: The autoencoder's time divided by the student's.
        interleaved: The measured speed-up with its interval, from an interleaved measurement.
    """

    student: BreakdownRow
    full: BreakdownRow
    macs_ratio: float
    content_ratio: float | None
    paper_ratio: float | None
    expected: float
    measured: float
    interleaved: Interval | None


def thinnings(summary: Summary) -> list[Thinning]:
    """Return the students whose full-width autoencoder was measured on the same machine."""
    rows, ratios = breakdown_rows(summary), _speed_ratios(summary)
    found = [
        _thinning(row, other, ratios) for row in rows for other in rows if _is_full_of(other, row)
    ]
    return [each for each in found if each]


def _speed_ratios(summary: Summary) -> _Ratios:
    """Return the speed ratios of interleaved measurements, by the keys of both rows."""
    names = label_subjects(summary.records)
    ratios: dict[tuple[RowKey, RowKey], Interval] = {}
    for speed in speed_ratios(summary.records):
        case = speed.case
        place: tuple[int, int, Machine] = (case.width or 0, case.height or 0, speed.machine)
        first = names[case.subject, case.subject_hash], case.transform
        second = names[case.other or "", case.other_hash or ""], case.other_transform or ""
        if speed.ratio:
            ratios[(*first, *place), (*second, *place)] = speed.ratio
            ratios.setdefault(((*second, *place), (*first, *place)), invert_ratio(speed.ratio))
    return ratios


def _thinning(student: BreakdownRow, full: BreakdownRow, ratios: _Ratios) -> Thinning | None:
    """Compare a student with its autoencoder; None if a figure is missing."""
    thin, wide = student.convolutions, full.convolutions
    share = full.convolution_share
    if not (thin and wide and thin.macs and wide.macs and share is not None):
        return None
    if not (student.latency_ms and full.latency_ms):
        return None
    ratio = wide.macs / thin.macs
    separate = full.latency_ms.value / student.latency_ms.value
    interleaved = ratios.get((full.key, student.key))
    content = full.macs_content, student.macs_content
    return Thinning(
        student=student,
        full=full,
        macs_ratio=ratio,
        content_ratio=content[0] / content[1] if content[0] and content[1] else None,
        paper_ratio=_paper_ratio(student, full),
        expected=speedup(share, ratio),
        measured=interleaved.value if interleaved else separate,
        interleaved=interleaved,
    )


def _paper_ratio(student: BreakdownRow, full: BreakdownRow) -> float | None:
    """Return the ratio of the paper's student, if it differs from the shipped one."""
    paper = _PAPERS.get(student.subject)
    ours, wide = (
        macs_per_pixel(row.macs_content, row.width, row.height) for row in (student, full)
    )
    if paper is None or ours is None or wide is None or is_same_work(ours, paper):
        return None
    return wide / paper.macs_per_pixel


def _is_full_of(full: BreakdownRow, student: BreakdownRow) -> bool:
    """Return whether a row is that of a student's full-width model, all else equal."""
    name, plus, precision = student.subject.partition("+")
    wanted = FULL_WIDTH_OF.get(name)
    return (
        wanted is not None
        and full.subject == wanted + plus + precision
        and full.key[1:] == student.key[1:]
    )


def format_measured(gain: Thinning) -> str:
    """Write the measured speed-up, with its interval if the measurement was interleaved."""
    value = f"{format_ratio(gain.measured)}×"
    interval = format_ratio_interval(gain.interleaved) if gain.interleaved else ""
    return f"{value} {interval}".strip()


def explain_thinning(gain: Thinning) -> str:
    """Explain why the measured speed-up differs from the ratio of multiply-adds."""
    student, full = gain.student, gain.full
    how = "interleaved measurement" if gain.interleaved else "medians of two processes"
    sentences = [
        f"At {student.resolution}, `{student.subject}` is {format_measured(gain)} as fast as "
        f"`{full.subject}` ({how}). Its convolutions have {format_number(gain.macs_ratio)}× fewer "
        f"multiply-adds for both images together{_explain_content(gain)}.",
        _explain_time(gain),
        _explain_rest(student),
    ]
    return " ".join(sentence for sentence in sentences if sentence)


def _explain_content(gain: Thinning) -> str:
    """Write the ratios without the style image, which the claims of the paper are about."""
    if gain.content_ratio is None:
        return ""
    text = f", and {format_number(gain.content_ratio)}× fewer on the content path alone"
    if gain.paper_ratio is not None:
        text += f" ({format_number(gain.paper_ratio)}× for the student of the paper)"
    return text


def _explain_time(gain: Thinning) -> str:
    """Compare the student's time with that of its convolutions at the full-width rate."""
    student, full = gain.student, gain.full
    thin, wide = student.convolutions, full.convolutions
    if not (thin and wide and thin.macs_per_second and wide.macs_per_second):
        return ""
    same_rate = wide.latency_ns / gain.macs_ratio
    others, whole = student.instrumented_ns - thin.latency_ns, student.instrumented_ns
    rates = (
        f"{format_count(thin.macs_per_second)}MACs/s instead of "
        f"{format_count(wide.macs_per_second)}MACs/s"
    )
    if thin.macs_per_byte and wide.macs_per_byte:
        rates += (
            f" ({format_number(thin.macs_per_byte)} instead of "
            f"{format_number(wide.macs_per_byte)} multiply-adds per byte of memory traffic)"
        )
    return (
        f"At the rate of `{full.subject}` its convolutions would take {_ms(same_rate)}; a call "
        f"without other work would then be {format_number(full.instrumented_ns / same_rate)}× as "
        f"fast as that of `{full.subject}`. "
        f"They take {_ms(thin.latency_ns)}, because they run at {rates}. The other sections take "
        f"{_ms(others)} of {_ms(whole)} (times of instrumented calls)."
    )


def _ms(nanoseconds: float) -> str:
    return f"{format_number(nanoseconds / NS_PER_MS)} ms"


def _explain_rest(row: BreakdownRow) -> str:
    largest = max(
        (
            name
            for name in row.sections
            if name not in ("encode", "decode") and not row.is_optional(name)
        ),
        key=lambda name: row.sections[name].latency_ns,
    )
    return (
        f"The longest of them is {largest}. Without convolutions, a call of `{row.subject}` would "
        f"be {format_number(row.bound or 1.0)}× as fast as it is."
    )
