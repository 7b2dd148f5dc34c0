"""The section of a report on where the time goes, its sentences made from the figures."""

from collections.abc import Sequence

from bench.report.breakdown.plot import STAGES_PLOT
from bench.report.breakdown.rows import stage_rows
from bench.report.breakdown.tables import speedup_table, stages_table
from bench.report.breakdown.thinning import THINNING_NOTE, explain_thinning, thinnings
from bench.report.common.summary import Summary
from bench.report.common.tables import to_markdown
from bench.report.gallery import Plot

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
    if not stage_rows(summary):
        return ""
    parts = ["## Where the time goes\n"]
    parts += [
        f"![{plot.title}](plots/{plot.name}.png)\n\n{plot.caption}\n"
        for plot in plots
        if plot.name == STAGES_PLOT
    ]
    if summary.comparable:
        parts += [f"{explain_thinning(gain)}\n" for gain in thinnings(summary)]
    parts += [f"{THINNING_NOTE}\n", to_markdown(speedup_table(summary))]
    parts += [f"{_STAGES_NOTE}\n", to_markdown(stages_table(summary))]
    return "\n".join(parts)
