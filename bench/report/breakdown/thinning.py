"""What making networks thinner gained: students beside the full-width ones they stand for."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeAlias

from bench.analysis.amdahl import speedup
from bench.analysis.ratios import format_ratio, invert_ratio, paired_speeds
from bench.claims.evidence import is_same_work, macs_per_pixel
from bench.claims.published import STUDENTS
from bench.records.identity import Machine, label_subjects
from bench.report.breakdown.rows import RowKey, StagesRow, stage_rows
from bench.report.common.formats import format_count, format_number
from bench.report.common.summary import Interval, Summary

FULL_WIDTH_OF = {
    "vgg16": "vgg19-full",
    "vgg19": "vgg19-full",
    "mobilenet_v1": "mobilenet_v1-full",
}
"""Students and the full-width autoencoders that they stand for."""

THINNING_NOTE = (
    "*Convolutions* is p, the share of time in encode and decode, which distillation makes "
    "thinner; *Bound* is 1 / (1 - p), which making encode and decode faster, all else unchanged, "
    "cannot exceed (Amdahl). Thinner taps also make covariance, eigh and transform cheaper, so "
    "*Measured* may be more. For a student beside its full-width autoencoder, *Fewer MACs* is r, "
    "the ratio of multiply-adds in encode and decode (both images); *Expected* is "
    "1 / ((1 - p) + p / r) with the p of the autoencoder: "
    "what thinning would give at an unchanged rate, everything else as it was; *Measured* is the "
    "ratio of their times, [low, high] where the two were timed in turn in one process (*Paired "
    "speed*), and otherwise that of the medians, each taken in a process of its own. r is not a "
    "ratio of *MACs/px content*, which leaves out the style image. *Watching* compares the sum "
    "of the watched stages with whole calls that nobody watched, the noise between calls included."
)

_PAPERS = {student.subject: student for student in STUDENTS}
_NS_PER_MS = 1e6

_Ratios: TypeAlias = Mapping[tuple[RowKey, RowKey], Interval]


@dataclass(frozen=True, slots=True, kw_only=True)
class Thinning:
    """A student against its full-width autoencoder, at the same resolution on the same machine.

    Attributes:
        student: The stages of the student.
        full: Those of the autoencoder.
        macs_ratio: How many times fewer multiply-adds its convolutions take for both images.
        content_ratio: How many times fewer they take on the content path; None where not recorded.
        paper_ratio: The same for the student of the paper; None where it has none, or the same.
        expected: What thinning would gain at an unchanged rate, everything else as it was.
        measured: The autoencoder's time over the student's.
        paired: That with its interval, where the two were timed in turn.
    """

    student: StagesRow
    full: StagesRow
    macs_ratio: float
    content_ratio: float | None
    paper_ratio: float | None
    expected: float
    measured: float
    paired: Interval | None


def thinnings(summary: Summary) -> list[Thinning]:
    """Return the students whose full-width autoencoder was measured beside them."""
    rows, ratios = stage_rows(summary), _paired_ratios(summary)
    found = [
        _thinning(row, other, ratios) for row in rows for other in rows if _is_full_of(other, row)
    ]
    return [each for each in found if each]


def _paired_ratios(summary: Summary) -> _Ratios:
    """Return what was timed in turn, by the keys of both rows."""
    names = label_subjects(summary.records)
    ratios: dict[tuple[RowKey, RowKey], Interval] = {}
    for speed in paired_speeds(summary.records):
        case = speed.case
        place: tuple[int, int, Machine] = (case.width or 0, case.height or 0, speed.machine)
        first = names[case.subject, case.subject_hash], case.transform
        second = names[case.other or "", case.other_hash or ""], case.other_transform or ""
        if speed.ratio:
            ratios[(*first, *place), (*second, *place)] = speed.ratio
            ratios.setdefault(((*second, *place), (*first, *place)), invert_ratio(speed.ratio))
    return ratios


def _thinning(student: StagesRow, full: StagesRow, ratios: _Ratios) -> Thinning | None:
    """Compare a student with its autoencoder; None where either lacks a figure."""
    thin, wide = student.convolutions, full.convolutions
    share = full.convolution_share
    if not (thin and wide and thin.macs and wide.macs and share is not None):
        return None
    if not (student.latency_ms and full.latency_ms):
        return None
    ratio = wide.macs / thin.macs
    separate = full.latency_ms.value / student.latency_ms.value
    paired = ratios.get((full.key, student.key))
    content = full.macs_content, student.macs_content
    return Thinning(
        student=student,
        full=full,
        macs_ratio=ratio,
        content_ratio=content[0] / content[1] if content[0] and content[1] else None,
        paper_ratio=_paper_ratio(student, full),
        expected=speedup(share, ratio),
        measured=paired.value if paired else separate,
        paired=paired,
    )


def _paper_ratio(student: StagesRow, full: StagesRow) -> float | None:
    """Set the paper's student against the autoencoder, where it differs from the shipped one."""
    paper = _PAPERS.get(student.subject)
    ours, wide = (
        macs_per_pixel(row.macs_content, row.width, row.height) for row in (student, full)
    )
    if paper is None or ours is None or wide is None or is_same_work(ours, paper):
        return None
    return wide / paper.macs_per_pixel


def _is_full_of(full: StagesRow, student: StagesRow) -> bool:
    """Tell whether a row is the full-width one of a student's, all else equal."""
    name, plus, precision = student.subject.partition("+")
    wanted = FULL_WIDTH_OF.get(name)
    return (
        wanted is not None
        and full.subject == wanted + plus + precision
        and full.key[1:] == student.key[1:]
    )


def format_measured(gain: Thinning) -> str:
    """Write how many times as fast a student is, with the interval of a paired measurement."""
    value = f"{format_ratio(gain.measured)}×"
    if gain.paired is None or gain.paired.count < 2:
        return value
    low, high = (format_ratio(end, gain.measured) for end in (gain.paired.low, gain.paired.high))
    return f"{value} [{low}, {high}]"


def explain_thinning(gain: Thinning) -> str:
    """Say why a student is as fast as it is, and not as its multiply-adds alone would have it."""
    student, full = gain.student, gain.full
    how = "timed in turn" if gain.paired else "by medians of processes of their own"
    sentences = [
        f"At {student.resolution}, `{student.subject}` is {format_measured(gain)} as fast as "
        f"`{full.subject}` ({how}), with {format_number(gain.macs_ratio)}× fewer multiply-adds in "
        f"its convolutions, both images taken together{_explain_content(gain)}.",
        _explain_time(gain),
        _explain_rest(student),
    ]
    return " ".join(sentence for sentence in sentences if sentence)


def _explain_content(gain: Thinning) -> str:
    """Tell the ratios that leave out the style image, which claims and facts are about."""
    if gain.content_ratio is None:
        return ""
    text = f"; on the content path alone it is {format_number(gain.content_ratio)}×"
    if gain.paper_ratio is not None:
        text += f", {format_number(gain.paper_ratio)}× for the student of the paper"
    return text


def _explain_time(gain: Thinning) -> str:
    """Split the student's time: convolutions at the full width's rate, the rest of them, others."""
    student, full = gain.student, gain.full
    thin, wide = student.convolutions, full.convolutions
    if not (thin and wide and thin.macs_per_second and wide.macs_per_second):
        return ""
    same_rate = wide.latency_ns / gain.macs_ratio
    others, whole = student.watched_ns - thin.latency_ns, student.watched_ns
    at_once = full.watched_ns / same_rate
    slower = thin.latency_ns > same_rate
    rates = (
        f"{format_count(thin.macs_per_second)}MACs/s in place of "
        f"{format_count(wide.macs_per_second)}MACs/s"
    )
    if thin.macs_per_byte and wide.macs_per_byte:
        rates += (
            f", at {format_number(thin.macs_per_byte)} multiply-adds for each byte that their "
            f"operators move in place of {format_number(wide.macs_per_byte)}"
        )
    return (
        f"If nothing but those convolutions took time, and they ran at the rate of "
        f"`{full.subject}`, a call would take {_ms(same_rate)}: {format_number(at_once)}× as fast. "
        f"They take {_ms(thin.latency_ns)}, {'more' if slower else 'less'} because they run at "
        f"{rates}; and what is no convolution takes {_ms(others)} of {_ms(whole)}. (Times of "
        "watched calls.)"
    )


def _ms(nanoseconds: float) -> str:
    return f"{format_number(nanoseconds / _NS_PER_MS)} ms"


def _explain_rest(row: StagesRow) -> str:
    largest = max(
        (name for name in row.stages if name not in ("encode", "decode", "filter")),
        key=lambda name: row.stages[name].latency_ns,
    )
    return (
        f"The largest part of what is no convolution is {largest}; even without any convolution "
        f"it would be at most {format_number(row.bound or 1.0)}× as fast as it is."
    )
