"""The section on the claims of the paper."""

from bench.claims.check import has_evidence
from bench.report.claims.tables import claims_table, facts_table
from bench.report.common.section import Section, table_files
from bench.report.common.summary import Summary

FILES = table_files("claims", "facts")


def make_section(summary: Summary) -> Section:
    """Return claims and facts; an empty section if the records compare nothing."""
    return claims_section(summary) if has_evidence(summary.records) else Section()


def claims_section(summary: Summary) -> Section:
    """Return claims and facts of any records; a claim without a record is not comparable."""
    claims, facts = claims_table(summary), facts_table(summary)
    return Section(
        text=f"## Claims of the paper\n\n{claims.markdown}\n{facts.markdown}",
        tables=(claims, facts),
    )
