"""Whether the ranking of subjects depends on the metric: Kendall's tau between metrics."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
import pandas as pd
from scipy.stats import kendalltau

from bench.analysis.stats import Interval, bounded_mean_interval, describe_intervals
from bench.claims.published import TRANSFORM
from bench.quality.protocol import METRICS
from bench.records.schema import NO_TRANSFORM
from bench.report.common.rows import QualityRow
from bench.report.common.section import Table
from bench.report.common.summary import HIGHER_IS_BETTER, Summary, headline_names
from bench.report.common.tables import ARROWS, NONE
from bench.report.quality.by_image_pair import PairKey, metric_by_image_pair

LEAST_SUBJECTS = 3
"""With fewer subjects, no table is shown."""

_REFERENCE = "content"  # unchanged, so that all content metrics agree on it
_SHOWN = 4
_KINDS = {str(metric.name): metric.measures for metric in METRICS}

Values = Mapping[str, Mapping[PairKey, float]]
"""Values of a metric by subject and image pair; higher is better."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RankRow:
    """How two metrics of the same kind rank the same subjects.

    Attributes:
        metric: The first metric.
        other: The second one.
        tau: Mean over image pairs of Kendall's tau-b between the ranks of the subjects.
        subjects: The subjects.
        reversed: Every two subjects whose means one metric orders otherwise than the other.
    """

    metric: str
    other: str
    tau: Interval
    subjects: tuple[str, ...]
    reversed: tuple[tuple[str, str], ...]


def rank_rows(summary: Summary) -> list[RankRow]:
    """Return a row for every two metrics of style, and of content, that rank three subjects.

    The unchanged content, external results and transforms other than the paper's are left out.
    """
    if not summary.comparable:
        return []
    rows = [row for row in summary.quality if _is_ranked(row)]
    measured = [metric for metric in _KINDS if any(metric in row.metrics for row in rows)]
    values = {metric: _values(summary, rows, metric) for metric in measured}
    found = []
    for one, other in combinations(measured, 2):
        if _KINDS[one] == _KINDS[other]:
            row = _compare(one, other, values)
            found += [row] if row else []
    return found


def _is_ranked(row: QualityRow) -> bool:
    plain = row.transform in (TRANSFORM, NO_TRANSFORM)
    return plain and row.subject != _REFERENCE and not row.external


def _values(summary: Summary, rows: Sequence[QualityRow], metric: str) -> Values:
    sign = 1 if HIGHER_IS_BETTER[metric] else -1
    found = {}
    for row in rows:
        by_pair = metric_by_image_pair(summary, row.subject, row.transform, row.machine, metric)
        if by_pair:
            found[row.subject] = {pair: sign * value for pair, value in by_pair.items()}
    return found


def _compare(metric: str, other: str, values: Mapping[str, Values]) -> RankRow | None:
    """Compare two metrics over the subjects and image pairs that both have values for."""
    subjects = tuple(name for name in values[metric] if name in values[other])
    if len(subjects) < LEAST_SUBJECTS:
        return None
    first, second = (_common(values[name], subjects) for name in (metric, other))
    pairs = [pair for pair in first if pair in second]
    if not pairs:
        return None
    ours, theirs = (np.array([each[pair] for pair in pairs]) for each in (first, second))
    taus = [float(kendalltau(a, b).statistic) for a, b in zip(ours, theirs, strict=True)]
    defined = [tau for tau in taus if not np.isnan(tau)]  # equal values have no ranks
    if not defined:
        return None
    mean, low, high = bounded_mean_interval(defined, bounds=(-1.0, 1.0))
    means = ours.mean(axis=0), theirs.mean(axis=0)
    return RankRow(
        metric=metric,
        other=other,
        tau=Interval(value=mean, low=low, high=high, count=len(defined)),
        subjects=subjects,
        reversed=tuple(
            (subjects[a], subjects[b])
            for a, b in combinations(range(len(subjects)), 2)
            if (means[0][a] - means[0][b]) * (means[1][a] - means[1][b]) < 0
        ),
    )


def _common(values: Values, subjects: Sequence[str]) -> dict[PairKey, list[float]]:
    """Return the values of all subjects on each image pair that all have, without the protocol."""
    keys = set.intersection(*(set(values[name]) for name in subjects))
    ordered = sorted(keys, key=str)
    return {key[:-1]: [values[name][key] for name in subjects] for key in ordered}


def rank_table(summary: Summary) -> Table:
    """Return each metric beside the headline one of its kind; raw numbers have every two metrics.

    The table is empty if no two metrics of a kind rank three subjects.
    """
    rows = rank_rows(summary)
    headline = headline_names(summary.quality)[:2]
    shown = [row for row in rows if row.metric in headline or row.other in headline]
    return Table(
        name="rank-correlations",
        cells=pd.DataFrame([_cells(row, headline) for row in shown]),
        data=pd.DataFrame([_numbers(row) for row in rows], dtype=object),
        note=(
            f"Kendall's tau between two metrics: both rank the subjects (with `{TRANSFORM}`, "
            "without the unchanged content) on each image pair. 1: always in the same order, 0: "
            "no relation, −1: reversed. Means over image pairs with the "
            f"{describe_intervals('mean', 'image pairs')}. *Order changes* counts every two "
            "subjects, and names some, that the means of both metrics order differently."
        ),
    )


def _cells(row: RankRow, headline: Sequence[str]) -> dict[str, str]:
    other, metric = (row.other, row.metric) if row.metric in headline else (row.metric, row.other)
    interval = "" if row.tau.ends is None else " [{:.2f}, {:.2f}]".format(*row.tau.ends)
    return {
        "Metric": ARROWS[other],
        "Compared with": ARROWS[metric],
        "Subjects": str(len(row.subjects)),
        "Image pairs": str(row.tau.count),
        "Kendall's tau": f"{row.tau.value:.2f}{interval}",
        "Order changes": _changes(row),
    }


def _changes(row: RankRow) -> str:
    if not row.reversed:
        return NONE
    total = len(row.subjects) * (len(row.subjects) - 1) // 2
    names = [f"{one} and {other}" for one, other in row.reversed]
    more = f"; {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return f"{len(names)} of {total}: {'; '.join(names[:_SHOWN])}{more}"


def _numbers(row: RankRow) -> dict[str, object]:
    return {
        "metric": row.metric,
        "other": row.other,
        "num_subjects": len(row.subjects),
        "num_image_pairs": row.tau.count,
        "tau": row.tau.value,
        "low": row.tau.low,
        "high": row.tau.high,
        "num_order_changes": len(row.reversed),
        "order_changes": "; ".join(f"{one} {other}" for one, other in row.reversed),
    }
