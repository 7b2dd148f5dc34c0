"""Subjects against one another: differences of their scores, taken pair by pair."""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import combinations

import pandas as pd

from bench.analysis.stats import Interval, describe_intervals, difference_interval
from bench.claims.published import TRANSFORM
from bench.records.identity import Machine
from bench.report.common.formats import format_difference
from bench.report.common.rows import QualityRow
from bench.report.common.summary import METRIC_NAMES, Summary
from bench.report.common.tables import ARROWS, machine_column, to_markdown
from bench.report.quality.pairwise import scores_by_pair

_NONE = "—"


@dataclass(frozen=True, slots=True, kw_only=True)
class DifferenceRow:
    """Two students or peers with the paper's transform on one machine.

    Attributes:
        subject: The one whose scores count.
        other: The one whose scores are taken off.
        differences: Mean of the differences by metric, over the pairs that both were scored on.
    """

    subject: str
    other: str
    machine: Machine
    differences: Mapping[str, Interval]


def difference_rows(summary: Summary) -> list[DifferenceRow]:
    """Return a row for every two subjects that have scores with ``zca`` on one machine."""
    subjects = [row for row in summary.quality if row.transform == TRANSFORM]
    rows = []
    for one, other in combinations(subjects, 2):
        if one.machine == other.machine and (found := _compare(summary, one, other)):
            rows.append(
                DifferenceRow(
                    subject=one.subject,
                    other=other.subject,
                    machine=one.machine,
                    differences=found,
                )
            )
    return rows


def _compare(summary: Summary, one: QualityRow, other: QualityRow) -> dict[str, Interval]:
    """Return the differences of the metrics that the two have common pairs of."""
    found = {}
    for metric in METRIC_NAMES:
        ours, theirs = (
            scores_by_pair(summary, row.subject, row.transform, row.machine, metric)
            for row in (one, other)
        )
        if common := [pair for pair in ours if pair in theirs]:
            found[metric] = difference_interval(
                [ours[pair] for pair in common], [theirs[pair] for pair in common]
            )
    return found


def differences_table(summary: Summary) -> pd.DataFrame:
    """Return the table as text cells."""
    return pd.DataFrame(
        [
            {
                **machine_column(summary, row.machine),
                "A": row.subject,
                "B": row.other,
                "Pairs": _count_pairs(row),
                **{
                    ARROWS[metric]: (
                        format_difference(row.differences[metric])
                        if metric in row.differences
                        else _NONE
                    )
                    for metric in METRIC_NAMES
                },
            }
            for row in difference_rows(summary)
        ]
    )


def _count_pairs(row: DifferenceRow) -> str:
    """Write the number of pairs, or the least and greatest where it depends on the metric."""
    counts = sorted({interval.count for interval in row.differences.values()})
    return " to ".join(map(str, dict.fromkeys((counts[0], counts[-1]))))


def differences_data(summary: Summary) -> pd.DataFrame:
    """Return a line for each metric of each two students, as raw numbers."""
    lines = [
        {
            "subject": row.subject,
            "other": row.other,
            "transform": TRANSFORM,
            "device": row.machine[0],
            "device_name": row.machine[1],
            "threads": row.machine[2],
            "metric": metric,
            "num_pairs": interval.count,
            "difference": interval.value,
            "low": interval.low,
            "high": interval.high,
        }
        for row in difference_rows(summary)
        for metric, interval in row.differences.items()
    ]
    return pd.DataFrame(lines, dtype=object)


def differences_section(summary: Summary) -> str:
    """Write the section; nothing where fewer than two subjects were scored on common pairs."""
    table = differences_table(summary)
    if table.empty:
        return ""
    note = (
        f"Scores of A less those of B with `{TRANSFORM}`, pair by pair: the mean over the pairs "
        f"that both have a score of, and its {describe_intervals('mean', 'pairs')}; * where an "
        "interval leaves 0 out. Pairs differ more from one another than subjects do: where the "
        "intervals of two means overlap, those of their differences can still be clear. Of many "
        "intervals one in twenty misses its figure: a star counts where it was asked for before."
    )
    return f"## Students and peers, pair by pair\n\n{note}\n\n{to_markdown(table)}"
