"""The overview section: the table of all subjects, and how repeatable its latencies are."""

from bench.report.common.section import Section, table_files
from bench.report.common.summary import Summary
from bench.report.overview.repeatability import repeatability_note
from bench.report.overview.tables import overview_table

FILES = table_files("overview")


def make_section(summary: Summary) -> Section:
    """Return the overview; empty without records of cost or quality."""
    if not summary.cost and not summary.quality:
        return Section()
    table = overview_table(summary)
    note = repeatability_note(summary)
    text = f"## Overview\n\n{table.markdown}" + (f"\n{note}\n" if note else "")
    return Section(text=text, tables=(table,))
