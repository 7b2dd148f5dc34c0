"""How good predictions are: the largest measured size of a subject, predicted from smaller ones."""

from collections.abc import Iterator
from dataclasses import dataclass

import pandas as pd

from bench.plan.prediction import Measured, predict_cost
from bench.report.common.formats import format_bytes, format_number
from bench.report.common.rows import CostRow
from bench.report.common.summary import Summary
from bench.report.common.tables import to_markdown

_NS_PER_MS = 1e6


@dataclass(frozen=True, slots=True, kw_only=True)
class PredictionCheck:
    """What was predicted for a measured case by the cases that are smaller.

    Attributes:
        row: The measured case.
        basis: Names of the resolutions that the prediction derives from.
        latency_ms: Predicted median.
        peak_bytes: Predicted peak memory.
    """

    row: CostRow
    basis: tuple[str, ...]
    latency_ms: float
    peak_bytes: int


def check_predictions(summary: Summary) -> list[PredictionCheck]:
    """Predict the largest measured case of each subject that has predicted ones above it."""
    return list(_checks(summary))


def prediction_section(summary: Summary) -> str:
    """Write the table of checks with what it means; nothing where nothing can be checked."""
    checks = check_predictions(summary)
    if not checks:
        return ""
    return (
        "## Predictions, checked\n\n"
        "Subjects with predicted cases: their largest measured case as it would have been "
        "predicted from the smaller ones. This checks the rule, not the figures above: predictions "
        "in the tables use all measured sizes of their subject, or the largest alone where a line "
        "through them would start below zero. A subject of which one size was measured has nothing "
        "to check.\n\n"
        f"{to_markdown(pd.DataFrame([_cells(check) for check in checks]))}"
    )


def _checks(summary: Summary) -> Iterator[PredictionCheck]:
    keys = dict.fromkeys((row.subject, row.transform, row.machine) for row in summary.cost)
    for key in keys:
        rows = [row for row in summary.cost if (row.subject, row.transform, row.machine) == key]
        known = sorted((row for row in rows if row.latency_ms), key=_pixels)
        if len(known) < 2 or all(row.status != "predicted" for row in rows):
            continue
        *smaller, largest = known
        prediction = predict_cost(
            pixels=_pixels(largest),
            macs=largest.macs_total or 0,
            own=[_measured(row) for row in smaller],
            others=[],
        )
        if prediction is not None:
            yield PredictionCheck(
                row=largest,
                basis=tuple(row.resolution for row in smaller),
                latency_ms=prediction.latency_ns / _NS_PER_MS,
                peak_bytes=prediction.peak_bytes,
            )


def _pixels(row: CostRow) -> int:
    return row.width * row.height


def _measured(row: CostRow) -> Measured:
    return Measured(
        label=f"{row.subject} {row.resolution}",
        pixels=_pixels(row),
        macs=row.macs_total or 0,
        latency_ns=row.latency_ms.value * _NS_PER_MS if row.latency_ms else 0.0,
        peak_bytes=row.peak_bytes or 0,
    )


def _cells(check: PredictionCheck) -> dict[str, str]:
    row = check.row
    latency = row.latency_ms.value if row.latency_ms else 0.0
    peak = row.peak_bytes or 0
    return {
        "Subject": row.subject,
        "Transform": row.transform,
        "Resolution": row.size,
        "From": ", ".join(check.basis),
        "Predicted ms": f"≈ {format_number(check.latency_ms)}",
        "Measured ms": format_number(latency),
        "Error": _error(check.latency_ms, latency),
        "Predicted memory": f"≈ {format_bytes(check.peak_bytes)}",
        "Measured memory": format_bytes(peak),
        "Error of memory": _error(check.peak_bytes, peak),
    }


def _error(predicted: float, measured: float) -> str:
    return f"{predicted / measured - 1:+.0%}" if measured else "—"
