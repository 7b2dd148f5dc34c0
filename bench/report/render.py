"""A run folder's records rendered as tables, plots, a sheet of examples and a page."""

from collections.abc import Sequence
from pathlib import Path

from tabulate import tabulate

from bench.claims.check import has_evidence
from bench.records.schema import Record
from bench.records.store import EXAMPLES_FOLDER, HISTORIES_FOLDER, read_records
from bench.report.breakdown.plot import STAGES_PLOT, draw_stages
from bench.report.breakdown.rows import stage_rows
from bench.report.breakdown.tables import speedup_data, speedup_table, stages_data, stages_table
from bench.report.claims.tables import claims_files
from bench.report.common.data import cost_data, quality_data, to_csv
from bench.report.common.summary import Summary, summarize
from bench.report.common.tables import (
    cost_table,
    overview_note,
    overview_table,
    quality_table,
    to_latex,
    to_markdown,
)
from bench.report.cost.largest_image import capacity_data, capacity_table
from bench.report.cost.speed_ratios import paired_data, paired_table
from bench.report.curves.plot import CURVES_PLOT, draw_curves
from bench.report.curves.rows import curve_rows
from bench.report.curves.tables import curves_data, curves_table
from bench.report.gallery import PLOT_NAMES, Plot, draw_plots
from bench.report.methods import warnings
from bench.report.page import EXAMPLES_NAME, write_page
from bench.report.pareto.plots import encode_figure
from bench.report.quality.differences import differences_data, differences_table
from bench.report.quality.examples import draw_sheet, scored_subjects
from bench.report.trainings.histories_plot import HISTORY_PREFIX, draw_histories
from bench.report.trainings.variation import (
    TABLE_NAMES,
    training_rows,
    trainings_data,
    trainings_table,
)
from pcakd.errors import OutputError
from pcakd.utils.files import write_atomically, write_text


def render_report(folder: Path) -> Path:
    """Render the report of a run folder into that folder; the same records give the same bytes.

    Writes ``README.md``, ``tables/*.{md,csv,tex}``, ``plots/*.{png,svg}`` and, where the folder has
    ``examples/<pair>/*.jpg`` of what the records score, ``examples.jpg``. The losses in
    ``histories/*.csv`` of subjects of the records are among the plots.

    Args:
        folder: Holds ``records.jsonl``.

    Returns:
        The path of the page, ``README.md``.

    Raises:
        ConfigError: There are no records, or a line is not a record.
        ImageError: An example cannot be read.
        OutputError: The folder cannot be written.
    """
    summary = summarize(read_records(folder))
    plots = [*draw_plots(summary), *draw_stages(summary), *draw_curves(summary)]
    plots += draw_histories(folder / HISTORIES_FOLDER, summary)
    further = {row.subject for row in summary.trainings}
    scored = {pair: names - further for pair, names in scored_subjects(summary.records).items()}
    sheet = draw_sheet(folder / EXAMPLES_FOLDER, scored, order=summary.subjects)
    _write_tables(folder, summary)
    if has_evidence(summary.records):
        write_claims(folder, summary)
    _write_plots(folder, plots)
    if sheet is not None:
        _write_bytes(folder / EXAMPLES_NAME, sheet)
    else:
        (folder / EXAMPLES_NAME).unlink(missing_ok=True)
    page = folder / "README.md"
    write_text(page, write_page(summary, plots, has_examples=sheet is not None))
    return page


def write_claims(folder: Path, summary: Summary) -> Path:
    """Write the tables of claims and facts into ``tables/`` and return the Markdown one's path.

    Raises:
        OutputError: The folder cannot be written.
    """
    tables = _make_folder(folder / "tables")
    for name, text in claims_files(summary).items():
        write_text(tables / name, text)
    return tables / "claims.md"


def console_table(records: Sequence[Record]) -> str:
    """Return the overview as plain text for the end of a run, with what must be known to read it.

    Raises:
        ConfigError: There are no records.
    """
    summary = summarize(records)
    table = overview_table(summary)
    columns = [str(name) for name in table.columns]
    text = tabulate(table.to_numpy().tolist(), columns, tablefmt="simple", disable_numparse=True)
    legend = (
        "median latency in ms, mean scores; ≈ predicted, ≈ OOM to need more memory than there is, "
        "— not part of this run"
    )
    joined = [text for text in [overview_note(summary)] if text]
    notes = [note.replace("**", "") for note in warnings(summary)]
    return "\n".join([text, legend, *joined, *notes])


def _write_tables(folder: Path, summary: Summary) -> None:
    tables = _make_folder(folder / "tables")
    texts = {"overview": overview_table(summary)} if summary.cost or summary.quality else {}
    if summary.cost:
        texts["cost"] = cost_table(summary)
        write_text(tables / "cost.csv", to_csv(cost_data(summary)))
    if summary.quality:
        texts["quality"] = quality_table(summary)
        write_text(tables / "quality.csv", to_csv(quality_data(summary)))
    differences = differences_table(summary)
    if not differences.empty:
        texts["differences"] = differences
        write_text(tables / "differences.csv", to_csv(differences_data(summary)))
    for moved, name in TABLE_NAMES.items():
        if training_rows(summary, moved):
            texts[name] = trainings_table(summary, moved)
            write_text(tables / f"{name}.csv", to_csv(trainings_data(summary, moved)))
    if curve_rows(summary):
        texts["curves"] = curves_table(summary)
        write_text(tables / "curves.csv", to_csv(curves_data(summary)))
    capacity = capacity_table(summary)
    if not capacity.empty:
        texts["capacity"] = capacity
        write_text(tables / "capacity.csv", to_csv(capacity_data(summary)))
    paired = paired_table(summary)
    if not paired.empty:
        texts["paired"] = paired
        write_text(tables / "paired.csv", to_csv(paired_data(summary)))
    if stage_rows(summary):
        texts |= {"stages": stages_table(summary), "speedup": speedup_table(summary)}
        write_text(tables / "stages.csv", to_csv(stages_data(summary)))
        write_text(tables / "speedup.csv", to_csv(speedup_data(summary)))
    for name, table in texts.items():
        note = overview_note(summary) if name == "overview" else ""
        write_text(tables / f"{name}.md", to_markdown(table) + (f"\n{note}\n" if note else ""))
        write_text(tables / f"{name}.tex", (f"% {note}\n" if note else "") + to_latex(table))


def _write_plots(folder: Path, plots: Sequence[Plot]) -> None:
    """Write each plot twice; plots that an earlier report had and this one has not go away."""
    place = _make_folder(folder / "plots")
    drawn = {plot.name for plot in plots}
    for plot in plots:
        for kind in ("png", "svg"):
            _write_bytes(place / f"{plot.name}.{kind}", encode_figure(plot.figure, kind))
    former = {path.stem for path in place.glob(f"{HISTORY_PREFIX}*.*")}
    for name in {*PLOT_NAMES, STAGES_PLOT, CURVES_PLOT, *former} - drawn:
        for kind in ("png", "svg"):
            (place / f"{name}.{kind}").unlink(missing_ok=True)


def _make_folder(path: Path) -> Path:
    try:
        path.mkdir(exist_ok=True)
    except OSError as error:
        raise OutputError(f"cannot make the folder {path}: {error.strerror or error}") from error
    return path


def _write_bytes(path: Path, content: bytes) -> None:
    with write_atomically(path) as stream:
        stream.write(content)
