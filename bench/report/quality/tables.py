"""The table of metric values: means over image pairs with intervals."""

from collections.abc import Iterable, Sequence

import pandas as pd

from bench.analysis.stats import Interval, describe_intervals
from bench.quality.protocol import TRAINED_MARK
from bench.report.common.formats import format_metric
from bench.report.common.rows import QualityRow
from bench.report.common.section import Table
from bench.report.common.subjects import is_reference
from bench.report.common.summary import Summary, headline_names, other_names, raw_names
from bench.report.common.tables import ARROWS, machine_column, machine_numbers

_GRAM_NOTES = {
    "gram": "Gram is the relative error of the output's Gram matrices to those of the style image.",
    "bounded_gram": (
        "Bounded Gram is the distance of the output's Gram matrices from those of the style image "
        "over the sum of their norms: 0 for equal ones, at most 1."
    ),
}


def quality_table(summary: Summary) -> Table:
    """Return the table of the headline metrics; its raw numbers are of all metrics."""
    metrics, raw = headline_names(summary.quality), raw_names(summary.quality)
    return Table(
        name="quality",
        cells=pd.DataFrame(
            [
                {**machine_column(summary, row.machine), **quality_cells(row, metrics)}
                for row in summary.quality
            ]
        ),
        data=pd.DataFrame([quality_numbers(row, raw) for row in summary.quality], dtype=object),
        note=(
            f"Means over the image pairs, {_size(summary)}. [low, high] is the "
            f"{describe_intervals('mean', 'image pairs')}. It shows the variation between image "
            "pairs, which all subjects share; to compare two subjects, read their differences over "
            f"the same image pairs. {_external(summary)}{_GRAM_NOTES[metrics[0]]} SSIM and "
            "LPIPS compare the output with the content image. Read style and content metrics "
            "together: the unchanged content image, a reference and no method, has a perfect SSIM."
            f"{trained_note(summary.quality, metrics)}"
        ),
    )


def other_metrics_table(summary: Summary) -> Table:
    """Return the table of the other metrics; empty if only the headline metrics were measured."""
    metrics = other_names(summary.quality)
    rows = summary.quality if metrics else ()
    return Table(
        name="other-metrics",
        cells=pd.DataFrame(
            [
                {
                    **machine_column(summary, row.machine),
                    "Subject": row.subject,
                    "Transform": row.transform,
                    **{ARROWS[metric]: mean_cell(row, metric) for metric in metrics},
                }
                for row in rows
            ]
        ),
        note=(
            "Means over the same image pairs, style metrics first. Intervals are in "
            "`tables/quality.csv`; the protocols below define each metric."
            f"{trained_note(summary.quality, metrics)}"
        ),
    )


def quality_cells(row: QualityRow, metrics: Sequence[str]) -> dict[str, str]:
    """Return the values of some metrics of a row as text cells."""
    return {
        "Subject": row.subject,
        "Transform": row.transform,
        "Image pairs": str(row.num_image_pairs),
        **{
            ARROWS[metric]: f"{format_metric(row.metrics[metric])}{mark_trained(row, metric)}"
            if metric in row.metrics
            else mean_cell(row, metric)
            for metric in metrics
        },
        "Status": _status_cell(row),
    }


def mean_cell(row: QualityRow, metric: str) -> str:
    """Write a mean without its interval, or why there is none."""
    if metric in row.metrics:
        return f"{row.metrics[metric].value:.3f}{mark_trained(row, metric)}"
    return ", ".join(row.failures) or "not measured"


def mark_trained(row: QualityRow, metric: str) -> str:
    """Return the mark of a metric that the subject was trained on, or on a relative."""
    return TRAINED_MARK if metric in row.trained_metrics else ""


def trained_note(rows: Iterable[QualityRow], metrics: Sequence[str]) -> str:
    """Explain the mark; empty if no cell of these metrics has it."""
    if not any({*row.trained_metrics} & {*row.metrics} & {*metrics} for row in rows):
        return ""
    return (
        f"{TRAINED_MARK} the subject was trained on the formula of this metric or a close "
        "relative of it, which favours it over subjects that were not."
    )


def quality_numbers(row: QualityRow, metrics: Sequence[str]) -> dict[str, object]:
    """Return the values of some metrics of a row as raw numbers."""
    numbers: dict[str, object] = {
        "subject": row.subject,
        "transform": row.transform,
        **machine_numbers(row.machine),
        "num_image_pairs": row.num_image_pairs,
        "num_failed": sum(row.failures.values()),
    }
    for metric in metrics:
        numbers |= _bounds(metric, row.metrics.get(metric))
    return numbers | {"cost_subject": row.cost_subject, "external": row.external}


def _bounds(name: str, interval: Interval | None) -> dict[str, float | None]:
    """Return a mean and the ends of its interval, which few image pairs do not have."""
    return {
        name: interval.value if interval else None,
        f"{name}_low": interval.low if interval else None,
        f"{name}_high": interval.high if interval else None,
    }


def _status_cell(row: QualityRow) -> str:
    """Write ``ok`` or ``reference``, and how many image pairs failed.

    A subject without weights has no metric values.
    """
    if not row.num_image_pairs and set(row.failures) == {"untrained"}:
        return "untrained"
    measured = "reference" if is_reference(row.subject) else "ok"
    ends = [f"{status}: {count}" for status, count in row.failures.items()]
    return "; ".join([*([measured] if row.num_image_pairs else []), *ends])


def _external(summary: Summary) -> str:
    """Name the external results, and how they were brought to size."""
    texts = []
    for row in summary.quality:
        if row.external:
            count = f"{row.num_made_smaller} of {row.num_external}"
            smaller = f" ({count} had native size and were made smaller with their image pairs)"
            texts.append(f"`{row.subject}`{smaller if row.num_made_smaller else ''}")
    if not texts:
        return ""
    return f"External results, read from image files and without a cost: {', '.join(texts)}. "


def _size(summary: Summary) -> str:
    """Name the size of the image pairs."""
    sides = {r.config.get("quality_max_side", 0) for r in summary.records if r.kind == "quality"}
    texts = [
        f"scaled down to at most {side} pixels a side" if side else "at native size"
        for side in sorted(sides)
    ]
    return " and ".join(texts)
