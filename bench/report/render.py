"""A run folder's records rendered as a page with its tables, plots and examples."""

from collections.abc import Iterable, Sequence
from pathlib import Path

from tabulate import tabulate

from bench.gate.rates import read_gates
from bench.records.schema import Record
from bench.records.store import read_records
from bench.report.claims.section import claims_section
from bench.report.common.figures import encode_figure
from bench.report.common.section import PLOT_SUFFIXES, Section, plot_files, table_files
from bench.report.common.summary import Summary, summarize
from bench.report.gates import FILES as GATES_FILES
from bench.report.gates import gates_section
from bench.report.methods.notes import comparability_notes
from bench.report.overview.tables import borrowed_costs, overview_table
from bench.report.page import SECTIONS, make_sections, write_page
from pcakd.errors import OutputError
from pcakd.utils.files import write_atomically, write_text

PAGE_NAME = "README.md"

FORMER_FILES = (
    *table_files("paired", "stages", "capacity", "seeds", "conditions"),
    *plot_files("stages"),
)
"""Files that reports wrote under other names until version 0.1."""


def render_report(folder: Path) -> Path:
    """Render the report of a run folder into that folder; the same records give the same bytes.

    Writes ``README.md``, ``tables/*.{md,csv,tex}``, ``plots/*.{png,svg}`` and, if the folder has
    ``examples/<image pair>/*.jpg`` of subjects in the records, ``examples.jpg``. The losses in
    ``histories/*.csv`` of subjects in the records are among the plots. Files of an earlier report
    that this one does not have are removed.

    A folder with the ``gates.jsonl`` of a self-test of the gate gets the page of that.

    Args:
        folder: Holds ``records.jsonl`` or ``gates.jsonl``.

    Returns:
        The path of the page, ``README.md``.

    Raises:
        ConfigError: There are no records, or a line is not a record.
        ImageError: An example cannot be read.
        OutputError: The folder cannot be written.
    """
    if gates := read_gates(folder):
        section = gates_section(gates)
        return write_sections(folder, [section], section.text, GATES_FILES)
    summary = summarize(read_records(folder), folder)
    sections = make_sections(summary)
    patterns = [*FORMER_FILES, *(name for module in SECTIONS for name in module.FILES)]
    return write_sections(folder, sections, write_page(summary, sections), patterns)


def write_claims(folder: Path, summary: Summary) -> Path:
    """Write the tables of claims and facts into ``tables/`` and return the Markdown one's path.

    Raises:
        OutputError: The folder cannot be written.
    """
    _write_section(folder, claims_section(summary))
    return folder / "tables" / "claims.md"


def console_table(records: Sequence[Record]) -> str:
    """Return the overview as plain text for the end of a run, with its legend and notes.

    Raises:
        ConfigError: There are no records.
    """
    summary = summarize(records)
    table = overview_table(summary).cells
    columns = [str(name) for name in table.columns]
    text = tabulate(table.to_numpy().tolist(), columns, tablefmt="simple", disable_numparse=True)
    legend = (
        "median latency in ms, mean metric values; ≈ predicted, ≈ OOM predicted to run out of "
        "memory, — not part of this run"
    )
    borrowed = [text for text in [borrowed_costs(summary)] if text]
    notes = [note.replace("**", "") for note in comparability_notes(summary)]
    return "\n".join([text, legend, *borrowed, *notes])


def write_sections(
    folder: Path, sections: Iterable[Section], text: str, patterns: Iterable[str]
) -> Path:
    """Write the files of sections and the page, and remove those of an earlier report.

    Args:
        folder: Where the page, ``tables/`` and ``plots/`` go.
        sections: The sections.
        text: The page.
        patterns: Patterns of all files that a report may write into the folder.

    Raises:
        OutputError: The folder cannot be written.
    """
    written = {path for section in sections for path in _write_section(folder, section)}
    _remove_stale(folder, patterns, written)
    page = folder / PAGE_NAME
    write_text(page, text)
    return page


def _write_section(folder: Path, section: Section) -> list[Path]:
    """Write the files of a section and return their paths."""
    contents = dict(section.images)
    for table in section.tables:
        contents |= {f"tables/{name}": text.encode() for name, text in table.files().items()}
    for plot in section.plots:
        figure = plot.draw()
        for suffix in PLOT_SUFFIXES:
            content = encode_figure(figure, suffix.removeprefix("."))
            contents[f"plots/{plot.name}{suffix}"] = content
    for name, content in contents.items():
        _make_folder((folder / name).parent)
        with write_atomically(folder / name) as stream:
            stream.write(content)
    return [folder / name for name in contents]


def _remove_stale(folder: Path, patterns: Iterable[str], written: set[Path]) -> None:
    """Remove files that an earlier report wrote and this one did not."""
    stale = {path for pattern in patterns for path in folder.glob(pattern)} - written
    for path in stale:
        path.unlink(missing_ok=True)


def _make_folder(path: Path) -> None:
    try:
        path.mkdir(exist_ok=True)
    except OSError as error:
        raise OutputError(f"cannot make the folder {path}: {error.strerror or error}") from error
