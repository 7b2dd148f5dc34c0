"""The section on the trade-off between style and content."""

from bench.report.common.section import Section, plot_files, table_files
from bench.report.common.summary import Summary
from bench.report.curves.plot import CURVES_PLOT, curves_plots
from bench.report.curves.rows import curve_rows
from bench.report.curves.tables import curves_table

FILES = (*plot_files(CURVES_PLOT), *table_files("curves"))


def make_section(summary: Summary) -> Section:
    """Return the plot and the table of trade-off curves."""
    if not curve_rows(summary):
        return Section()
    plots, table = curves_plots(summary), curves_table(summary)
    parts = ["## Trade-off between style and content\n", *(plot.markdown for plot in plots)]
    return Section(text="\n".join([*parts, table.markdown]), tables=(table,), plots=tuple(plots))
