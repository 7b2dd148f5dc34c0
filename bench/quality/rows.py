"""Metric values of many outputs: the JSON list that commands write and the table they print."""

import json
import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from tabulate import tabulate

from bench.analysis.stats import describe_intervals, mean_interval
from bench.quality.protocol import TRAINED_MARK, Metric, headline_metrics, other_metrics
from bench.quality.values import MetricValues
from pcakd.utils.files import write_text


@dataclass(frozen=True, slots=True, kw_only=True)
class Row(MetricValues):
    """Metric values of one subject on one image pair.

    Attributes:
        subject: The subject's name.
        pair: Name of the image pair (``"07"``).
        size: `bench.quality.protocol.describe_size` of the images; None is native size and is left
            out of files.
        trained_metrics: Metrics whose formulas, or close relatives, the subject was trained on;
            tables mark them, and files leave them out.
    """

    subject: str
    pair: str
    size: str | None = None
    trained_metrics: tuple[str, ...] = ()


def write_rows(path: Path, rows: Sequence[Row]) -> None:
    """Write rows as a JSON list, whole or not at all, without rounding.

    Raises:
        OutputError: The file cannot be written.
    """
    write_text(path, render_rows(rows))


def render_rows(rows: Sequence[Row]) -> str:
    """Return rows as a JSON list, without rounding; metrics that were not measured are left out."""
    values = [
        {"subject": row.subject, "pair": row.pair}
        | {name: value for name, value in asdict(row).items() if _is_written(name, value)}
        for row in rows
    ]
    return json.dumps(values, indent=1, allow_nan=False) + "\n"


def _is_written(name: str, value: object) -> bool:
    return value is not None and name != "trained_metrics"


def render_means(rows: Sequence[Row]) -> str:
    """Return tables of each subject's means over its image pairs, with 95 % intervals.

    The first table has the headline metrics, a second one the others, if any were measured. The
    last line explains the intervals.
    """
    measured = {name for row in rows for name, value in asdict(row).items() if value is not None}
    headline = [metric for metric in headline_metrics(measured) if metric.name in measured]
    tables = [_means_table(rows, headline)] if headline else []
    if others := other_metrics(measured, {metric.name for metric in headline}):
        tables.append(f"Other metrics\n\n{_means_table(rows, others)}")
    lines = [explain_intervals("image pairs")]
    if any(set(row.trained_metrics) & measured for row in rows):
        lines.append(
            f"{TRAINED_MARK.strip()}: trained on the formula of this metric or a close relative"
        )
    return "\n".join(["\n\n".join(tables), *lines])


def explain_intervals(samples: str) -> str:
    """Explain the intervals of means over images or image pairs.

    >>> print(explain_intervals("images"))
    [low, high]: 95 % interval of the mean from 6 images up, none below; it shows the variation \
between images
    """
    return (
        f"[low, high]: {describe_intervals('mean', samples)}; it shows the variation between "
        f"{samples}"
    )


def _means_table(rows: Sequence[Row], metrics: Sequence[Metric]) -> str:
    table = []
    for subject in dict.fromkeys(row.subject for row in rows):
        own = [row for row in rows if row.subject == subject]
        trained = own[0].trained_metrics
        cells = [
            format_mean([getattr(row, metric.name) for row in own], metric.bounds)
            + (TRAINED_MARK if metric.name in trained else "")
            for metric in metrics
        ]
        table.append([subject, len(own), *cells])
    headers = ["subject", "image pairs", *(f"{m.title} {m.arrow}" for m in metrics)]
    return tabulate(table, headers=headers, tablefmt="simple", disable_numparse=True)


def format_mean(
    values: Sequence[float | None], bounds: tuple[float, float] = (-math.inf, math.inf)
) -> str:
    """Write a mean and its interval; few values have no interval.

    Image pairs without a value are left out, and their number is named.

    Args:
        values: One for each image pair.
        bounds: The least and the greatest value of the metric.
    """
    known = [value for value in values if value is not None]
    if not known:
        return "not measured"
    missing = f" ({len(known)} image pairs)" if len(known) < len(values) else ""
    mean, low, high = mean_interval(known, bounds=bounds)
    interval = "" if low is None else f" [{low:.3f}, {high:.3f}]"
    return f"{mean:.3f}{interval}{missing}"
