"""The section on the time breakdown, with sentences made from the figures."""

from bench.report.breakdown.plot import BREAKDOWN_PLOT, breakdown_plots
from bench.report.breakdown.rows import breakdown_rows
from bench.report.breakdown.tables import breakdown_table, speedup_table
from bench.report.breakdown.thinning import explain_thinning, thinnings
from bench.report.common.section import Section, plot_files, table_files
from bench.report.common.summary import Summary

FILES = (*plot_files(BREAKDOWN_PLOT), *table_files("time-breakdown", "speedup"))


def make_section(summary: Summary) -> Section:
    """Return the plot, an explanation for each student, and both tables."""
    if not breakdown_rows(summary):
        return Section()
    plots = breakdown_plots(summary)
    tables = speedup_table(summary), breakdown_table(summary)
    parts = ["## Time breakdown\n", *(plot.markdown for plot in plots), tables[1].markdown]
    parts.append("### Speed-up by thinner networks\n")
    if summary.comparable:
        parts += [f"{explain_thinning(gain)}\n" for gain in thinnings(summary)]
    parts.append(tables[0].markdown)
    return Section(text="\n".join(parts), tables=tables, plots=tuple(plots))
