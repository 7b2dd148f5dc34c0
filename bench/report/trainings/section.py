"""The section on trainings: variation between trainings, and training losses."""

from bench.report.common.section import Section, plot_files, table_files
from bench.report.common.summary import Summary
from bench.report.trainings.loss_plot import LOSSES_PREFIX, loss_plots
from bench.report.trainings.variation import TABLE_NAMES, TITLES, trainings_table

FILES = (*plot_files(f"{LOSSES_PREFIX}*"), *table_files(*TABLE_NAMES.values()))

_LOSSES_NOTE = (
    "The losses of each student's training, with a panel for each phase. Blocks follow each "
    "other from left to right; where space is short, 3#2 stands for the second attempt "
    "at block 3. *loss* is the minimised sum, the others are its terms. Long series are drawn as "
    "means of neighbouring rows. Values below a hundred-thousandth of a phase's largest loss are "
    "outside its panel. The files are in `histories/`."
)


def make_section(summary: Summary) -> Section:
    """Return the tables of further trainings and the plots of losses.

    Raises:
        ConfigError: A file of losses cannot be read.
    """
    tables = {TITLES[moved]: trainings_table(summary, moved) for moved in TABLE_NAMES}
    shown = {title: table for title, table in tables.items() if not table.cells.empty}
    plots = loss_plots(summary)
    parts = [f"## {title}\n\n{table.markdown}" for title, table in shown.items()]
    if plots:
        parts += [f"## Training losses\n\n{_LOSSES_NOTE}\n", *(plot.markdown for plot in plots)]
    return Section(text="\n".join(parts), tables=tuple(shown.values()), plots=tuple(plots))
