"""The overview section: all subjects, what they are, and how repeatable latencies are."""

from bench.report.common.section import Section, table_files
from bench.report.common.subjects import describe_subjects
from bench.report.common.summary import Summary
from bench.report.overview.repeatability import repeatability_note
from bench.report.overview.tables import overview_table

FILES = table_files("overview")


def make_section(summary: Summary) -> Section:
    """Return the overview; empty without records of cost or quality."""
    if not summary.cost and not summary.quality:
        return Section()
    table = overview_table(summary)
    legend = describe_subjects(table.cells["Subject"])
    note = repeatability_note(summary)
    parts = [f"## Overview\n\n{table.markdown}"]
    parts += [f"Subjects:\n\n{legend}"] if legend else []
    parts += [f"{note}\n"] if note else []
    return Section(text="\n".join(parts), tables=(table,))
