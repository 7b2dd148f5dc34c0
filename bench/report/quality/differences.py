"""Differences between the metric values of subjects over the same image pairs."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations, product
from typing import TypeAlias

import pandas as pd

from bench.analysis.differences import Difference, describe_holm, difference_interval, mark_by_holm
from bench.analysis.stats import describe_intervals
from bench.claims.published import TRANSFORM
from bench.quality.protocol import TRAINED_MARK
from bench.records.identity import Machine
from bench.records.schema import NO_TRANSFORM
from bench.report.common.formats import format_difference
from bench.report.common.rows import QualityRow
from bench.report.common.section import Table
from bench.report.common.subjects import is_reference
from bench.report.common.summary import METRIC_NAMES, Summary, headline_names, other_names
from bench.report.common.tables import ARROWS, NONE, machine_column, machine_numbers
from bench.report.quality.by_image_pair import metric_by_image_pair


@dataclass(frozen=True, slots=True, kw_only=True)
class DifferenceRow:
    """Two networks with the paper's transform, or one and a colour transfer, on one machine.

    Attributes:
        subject: The first one, a student or peer.
        other: The one whose metric values are subtracted.
        differences: Mean difference by metric, over the image pairs that both have values for.
        trained_metrics: Metrics that exactly one of the two was trained on, or on a close relative.
    """

    subject: str
    other: str
    machine: Machine
    differences: Mapping[str, Difference]
    trained_metrics: frozenset[str] = frozenset()


def difference_rows(summary: Summary) -> list[DifferenceRow]:
    """Return a row for every two subjects with ``zca``, and for each of them and a colour transfer.

    Both are of one machine.
    """
    networks = [row for row in summary.quality if row.transform == TRANSFORM]
    transfers = [
        row
        for row in summary.quality
        if row.transform == NO_TRANSFORM and not is_reference(row.subject)
    ]
    rows = []
    for one, other in (*combinations(networks, 2), *product(networks, transfers)):
        if one.machine == other.machine and (found := _compare(summary, one, other)):
            rows.append(
                DifferenceRow(
                    subject=one.subject,
                    other=other.subject,
                    machine=one.machine,
                    differences=found,
                    trained_metrics=frozenset({*one.trained_metrics} ^ {*other.trained_metrics}),
                )
            )
    return rows


def _compare(summary: Summary, one: QualityRow, other: QualityRow) -> dict[str, Difference]:
    """Return the differences of the metrics that both have for common image pairs."""
    found = {}
    for metric in METRIC_NAMES:
        ours, theirs = (
            metric_by_image_pair(summary, row.subject, row.transform, row.machine, metric)
            for row in (one, other)
        )
        if common := [pair for pair in ours if pair in theirs]:
            found[metric] = difference_interval(
                [ours[pair] for pair in common], [theirs[pair] for pair in common]
            )
    return found


def differences_table(summary: Summary) -> Table:
    """Return the table; empty if fewer than two subjects have common image pairs.

    It shows the headline metrics; its raw numbers are of all metrics.
    """
    rows = difference_rows(summary)
    every, both = _starred(rows)
    metrics = headline_names(summary.quality)
    return Table(
        name="differences",
        cells=_cells_of(summary, both, metrics),
        data=pd.DataFrame(
            [line for row, stars in both for line in _numbers(row, stars)], dtype=object
        ),
        note=(
            f"A minus B, networks with `{TRANSFORM}`: the mean of the differences over the image "
            "pairs that both have values for, and the "
            f"{describe_intervals('mean', 'image pairs')}. Image pairs differ more than "
            "subjects do, so these intervals are often narrower than those of the means: a "
            "difference can exclude zero although the intervals of the two means overlap. "
            f"{describe_holm(every, 'table')}{_trained_note(rows, metrics)}"
        ).strip(),
    )


def other_differences_table(summary: Summary) -> Table:
    """Return the same table of the other metrics; empty if there are none."""
    metrics = other_names(summary.quality)
    rows = difference_rows(summary) if metrics else []
    return Table(
        name="other-differences",
        cells=_cells_of(summary, _starred(rows)[1], metrics),
        note="A minus B, as in the table above, whose count of comparisons includes these; raw "
        f"numbers are in `tables/differences.csv`.{_trained_note(rows, metrics)}",
    )


_Starred: TypeAlias = list[tuple[DifferenceRow, dict[str, bool]]]


def starred_rows(summary: Summary) -> _Starred:
    """Return each row with the metrics whose difference has an asterisk."""
    return _starred(difference_rows(summary))[1]


def _starred(rows: Sequence[DifferenceRow]) -> tuple[list[Difference], _Starred]:
    """Return all differences, and each row with the metrics that have an asterisk."""
    every = [difference for row in rows for difference in row.differences.values()]
    marks = iter(mark_by_holm(every))
    return every, [(row, {metric: next(marks) for metric in row.differences}) for row in rows]


def _cells_of(summary: Summary, both: _Starred, metrics: Sequence[str]) -> pd.DataFrame:
    return pd.DataFrame(
        [
            {**machine_column(summary, row.machine), **_cells(row, stars, metrics)}
            for row, stars in both
        ]
    )


def _cells(row: DifferenceRow, stars: Mapping[str, bool], metrics: Sequence[str]) -> dict[str, str]:
    return {
        "A": row.subject,
        "B": row.other,
        "Image pairs": _count_image_pairs(row),
        **{
            ARROWS[metric]: (
                _difference_cell(row, metric, star=stars[metric])
                if metric in row.differences
                else NONE
            )
            for metric in metrics
        },
    }


def _difference_cell(row: DifferenceRow, metric: str, *, star: bool) -> str:
    mark = TRAINED_MARK if metric in row.trained_metrics else ""
    return f"{format_difference(row.differences[metric], star=star)}{mark}"


def _trained_note(rows: Sequence[DifferenceRow], metrics: Sequence[str]) -> str:
    if not any(set(metrics) & row.trained_metrics & {*row.differences} for row in rows):
        return ""
    return (
        f"{TRAINED_MARK} one of the two was trained on the formula of this metric or a close "
        "relative of it, which favours it."
    )


def _count_image_pairs(row: DifferenceRow) -> str:
    """Write the number of image pairs, as a range where it depends on the metric."""
    counts = sorted({interval.count for interval in row.differences.values()})
    return " to ".join(map(str, dict.fromkeys((counts[0], counts[-1]))))


def _numbers(row: DifferenceRow, stars: Mapping[str, bool]) -> list[dict[str, object]]:
    """Return a line for each metric, as raw numbers."""
    return [
        {
            "subject": row.subject,
            "other": row.other,
            "transform": TRANSFORM,
            **machine_numbers(row.machine),
            "metric": metric,
            "num_image_pairs": interval.count,
            "difference": interval.value,
            "low": interval.low,
            "high": interval.high,
            "p_value": interval.p_value,
            "significant": stars[metric],
        }
        for metric, interval in row.differences.items()
    ]
