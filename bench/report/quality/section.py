"""The section on quality: examples, metric values and differences between subjects."""

from bench.records.store import EXAMPLES_FOLDER
from bench.report.common.section import Section, table_files
from bench.report.common.summary import Summary
from bench.report.quality.differences import differences_table, other_differences_table
from bench.report.quality.examples import draw_sheet, evaluated_subjects
from bench.report.quality.rank_correlations import rank_table
from bench.report.quality.tables import other_metrics_table, quality_table

EXAMPLES_NAME = "examples.jpg"
TABLES = ("quality", "other-metrics", "differences", "other-differences", "rank-correlations")
FILES = (EXAMPLES_NAME, *table_files(*TABLES))


def make_section(summary: Summary) -> Section:
    """Return the examples, the tables of metric values, of differences and of rank correlations.

    Raises:
        ImageError: An example cannot be read.
    """
    sheet = _draw_examples(summary)
    parts, tables = [], []
    if sheet is not None:
        parts.append(_examples_text(summary))
    if summary.quality:
        tables.append(quality_table(summary))
        parts.append(f"## Quality\n\n{tables[-1].markdown}")
    for title, table in (
        ("### Other metrics", other_metrics_table(summary)),
        ("## Differences between subjects over the same image pairs", differences_table(summary)),
        ("### Differences of the other metrics", other_differences_table(summary)),
        ("## Does the ranking depend on the metric?", rank_table(summary)),
    ):
        if not table.cells.empty:
            tables.append(table)
            parts.append(f"{title}\n\n{table.markdown}")
    images = {} if sheet is None else {EXAMPLES_NAME: sheet}
    return Section(text="\n".join(parts), tables=tuple(tables), images=images)


def _draw_examples(summary: Summary) -> bytes | None:
    if summary.folder is None:
        return None
    further = {row.subject for row in summary.trainings}
    evaluated = {
        pair: names - further for pair, names in evaluated_subjects(summary.records).items()
    }
    return draw_sheet(summary.folder / EXAMPLES_FOLDER, evaluated, order=summary.subjects)


def _examples_text(summary: Summary) -> str:
    external = any(row.external for row in summary.quality)
    hidden = "; external results are not shown" if external else ""
    return (
        "## Examples\n\n"
        "The shipped image pairs, stylized by each subject (students with ZCA, no guided "
        f"filter{hidden}). `bench/data/pairs/CREDITS.md` credits the photographers.\n\n"
        f"![Stylized examples]({EXAMPLES_NAME})\n"
    )
