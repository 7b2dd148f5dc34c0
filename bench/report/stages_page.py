"""The section of a report on where the time goes, its sentences made from the figures."""

from collections.abc import Sequence

from bench.report.formats import format_count, format_number
from bench.report.gallery import Plot
from bench.report.stages import StagesRow, Thinning, stage_rows, thinnings
from bench.report.stages_plot import STAGES_PLOT
from bench.report.stages_tables import format_share, speedup_table, stages_table
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
    "ratio of the medians, each taken in a process of its own. *Watching* is what reading the "
    "clock at the borders of stages added."
)
_STAGES_NOTE = (
    "Multiply-adds and bytes are those of the plain networks: bytes are what operators read and "
    "write, each operand once and whole, with no caches. The fewer multiply-adds there are for a "
    "byte, the more a stage depends on memory and the less on arithmetic. Times are those of "
    "tiles, which keep part of the traffic in caches, and fold a network's transform into the next "
    "convolution (those of WCT²'s detail bands excepted), so that it has no rate of its own."
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
    """Say in three sentences why a student is as fast as it is and not more."""
    student, full = gain.student, gain.full
    return " ".join(
        [
            f"At {student.resolution}, `{full.subject}` spends "
            f"{format_share(full.convolution_share or 0.0)} of its time in convolutions, of which "
            f"`{student.subject}` has {format_number(gain.macs_ratio)}× fewer multiply-adds: at "
            f"the same rate that would make it {format_number(gain.expected)}× as fast, and it is "
            f"{format_number(gain.measured)}× as fast.",
            _explain_rates(student, full),
            _explain_rest(student),
        ]
    )


def _explain_rates(student: StagesRow, full: StagesRow) -> str:
    thin, wide = student.convolutions, full.convolutions
    if not (thin and wide and thin.macs_per_second and wide.macs_per_second):
        return ""
    faster = wide.latency_ns / thin.latency_ns
    rest = (full.watched_ns - wide.latency_ns) / max(1, student.watched_ns - thin.latency_ns)
    text = (
        f"Its convolutions are {format_number(faster)}× as fast and everything else "
        f"{format_number(rest)}×: the convolutions run at "
        f"{format_count(thin.macs_per_second)}MACs/s in place of "
        f"{format_count(wide.macs_per_second)}MACs/s"
    )
    if not (thin.macs_per_byte and wide.macs_per_byte):
        return f"{text}."
    return (
        f"{text}, and their operators do {format_number(thin.macs_per_byte)} multiply-adds for "
        f"each byte that they move in place of {format_number(wide.macs_per_byte)}."
    )


def _explain_rest(row: StagesRow) -> str:
    rest = 1.0 - (row.convolution_share or 0.0)
    largest = max(
        (name for name in row.stages if name not in ("encode", "decode", "filter")),
        key=lambda name: row.stages[name].latency_ns,
    )
    return (
        f"What is no convolution takes {format_share(rest)} of its time (most of it {largest}), "
        f"so that thinning it further, however far, could make it at most "
        f"{format_number(row.bound or 1.0)}× as fast as it is."
    )
