"""The section of a report on where the time goes, its sentences made from the figures."""

from collections.abc import Sequence

from bench.report.formats import format_count, format_number
from bench.report.gallery import Plot
from bench.report.stages import StagesRow, Thinning, stage_rows, thinnings
from bench.report.stages_plot import STAGES_PLOT
from bench.report.stages_tables import speedup_table, stages_table
from bench.report.summary import Summary
from bench.report.tables import to_markdown

_SPEEDUP_NOTE = (
    "*Convolutions* is p, the share of time in encode and decode, which distillation makes "
    "thinner; *Bound* is 1 / (1 - p), which making encode and decode faster, all else unchanged, "
    "cannot exceed (Amdahl). Thinner taps also make covariance, eigh and transform cheaper, so "
    "*Measured* may be more. For a student beside its full-width autoencoder, *Fewer MACs* is r, "
    "the ratio of multiply-adds in encode and decode (both images); *Expected* is "
    "1 / ((1 - p) + p / r) with the p of the autoencoder: "
    "what thinning would give at an unchanged rate, everything else as it was; *Measured* is the "
    "ratio of the medians, each taken in a process of its own. r is not a ratio of *MACs/px "
    "content*, which leaves out the style image, and it is that of the student measured here: "
    "the facts beside the claims hold the content path of the paper's. *Watching* compares the sum "
    "of the watched stages with whole calls that nobody watched, the noise between calls included."
)
_STAGES_NOTE = (
    "Multiply-adds and bytes are those of the plain networks: bytes are what operators read and "
    "write, each operand once and whole, with no caches. The fewer multiply-adds there are for a "
    "byte, the more a stage depends on memory and the less on arithmetic. Times are those of "
    "tiles, which keep part of the traffic in caches, and fold a network's transform into the next "
    "convolution (those of WCT²'s detail bands excepted), so that it has no rate of its own. "
    "The guided filter's time is that of OpenCV's, its counts are those of a plain one in torch "
    "with the same result: OpenCV need not do as much."
)


def stages_section(summary: Summary, plots: Sequence[Plot]) -> str:
    """Write the section; nothing where no record has stages."""
    rows = stage_rows(summary)
    if not rows:
        return ""
    parts = ["## Where the time goes\n"]
    parts += [
        f"![{plot.title}](plots/{plot.name}.png)\n\n{plot.caption}\n"
        for plot in plots
        if plot.name == STAGES_PLOT
    ]
    if summary.comparable:
        parts += [f"{explain_thinning(gain)}\n" for gain in thinnings(rows)]
    parts += [f"{_SPEEDUP_NOTE}\n", to_markdown(speedup_table(summary))]
    parts += [f"{_STAGES_NOTE}\n", to_markdown(stages_table(summary))]
    return "\n".join(parts)


def explain_thinning(gain: Thinning) -> str:
    """Say why a student is as fast as it is, and not as its multiply-adds alone would have it."""
    student, full = gain.student, gain.full
    return " ".join(
        [
            f"At {student.resolution}, `{student.subject}` is {format_number(gain.measured)}× as "
            f"fast as `{full.subject}`, with {format_number(gain.macs_ratio)}× fewer multiply-adds "
            "in its convolutions.",
            _explain_time(gain),
            _explain_rest(student),
        ]
    )


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
        f"In watched calls nothing but those convolutions, at the rate of `{full.subject}`, would "
        f"take {_ms(same_rate)} and be {format_number(at_once)}× as fast. They take "
        f"{_ms(thin.latency_ns)}, {'more' if slower else 'less'} because they run at {rates}; and "
        f"what is no convolution takes {_ms(others)} of {_ms(whole)}."
    )


def _ms(nanoseconds: float) -> str:
    return f"{format_number(nanoseconds / 1e6)} ms"


def _explain_rest(row: StagesRow) -> str:
    largest = max(
        (name for name in row.stages if name not in ("encode", "decode", "filter")),
        key=lambda name: row.stages[name].latency_ns,
    )
    return (
        f"The largest part of the latter is {largest}; even without any convolution it would be "
        f"at most {format_number(row.bound or 1.0)}× as fast as it is."
    )
