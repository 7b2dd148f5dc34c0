"""The table of metric values: means over image pairs with intervals."""

import pandas as pd

from bench.analysis.stats import Interval, describe_intervals
from bench.report.common.formats import format_metric
from bench.report.common.rows import QualityRow
from bench.report.common.section import Table
from bench.report.common.subjects import is_reference
from bench.report.common.summary import METRIC_NAMES, Summary
from bench.report.common.tables import ARROWS, machine_column, machine_numbers


def quality_table(summary: Summary) -> Table:
    """Return the table of all subjects."""
    return Table(
        name="quality",
        cells=pd.DataFrame(
            [
                {**machine_column(summary, row.machine), **quality_cells(row)}
                for row in summary.quality
            ]
        ),
        data=pd.DataFrame([quality_numbers(row) for row in summary.quality], dtype=object),
        note=(
            f"Means over the image pairs, {_size(summary)}. [low, high] is the "
            f"{describe_intervals('mean', 'image pairs')}. It shows the variation between image "
            "pairs, which all subjects share; to compare two subjects, read their differences over "
            f"the same image pairs. {_external(summary)}Gram is the "
            "relative error of the output's Gram matrices to those of the style image. SSIM and "
            "LPIPS compare the output with the content image. Read style and content metrics "
            "together: the unchanged content image, a reference and no method, has a perfect SSIM."
        ),
    )


def quality_cells(row: QualityRow) -> dict[str, str]:
    """Return the metric values of a row as text cells."""
    return {
        "Subject": row.subject,
        "Transform": row.transform,
        "Image pairs": str(row.num_image_pairs),
        **{
            ARROWS[metric]: format_metric(row.metrics[metric])
            if metric in row.metrics
            else mean_cell(row, metric)
            for metric in METRIC_NAMES
        },
        "Status": _status_cell(row),
    }


def mean_cell(row: QualityRow, metric: str) -> str:
    """Write a mean without its interval, or why there is none."""
    if metric in row.metrics:
        return f"{row.metrics[metric].value:.3f}"
    return ", ".join(row.failures) or "not measured"


def quality_numbers(row: QualityRow) -> dict[str, object]:
    """Return the metric values of a row as raw numbers."""
    numbers: dict[str, object] = {
        "subject": row.subject,
        "transform": row.transform,
        **machine_numbers(row.machine),
        "num_image_pairs": row.num_image_pairs,
        "num_failed": sum(row.failures.values()),
    }
    for metric in METRIC_NAMES:
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
