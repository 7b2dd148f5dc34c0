"""Accuracy of predictions: the largest measured size of a subject, predicted from smaller ones."""

from collections.abc import Iterator
from dataclasses import dataclass
from operator import attrgetter

import pandas as pd

from bench.plan.prediction import predict_cost
from bench.records.units import NS_PER_MS
from bench.report.common.formats import format_bytes, format_number
from bench.report.common.memory_margin import as_measured
from bench.report.common.rows import CostRow
from bench.report.common.section import Table
from bench.report.common.summary import Summary
from bench.report.common.tables import NONE, machine_numbers


@dataclass(frozen=True, slots=True, kw_only=True)
class PredictionCheck:
    """A measured case as predicted from the smaller cases of its subject.

    Attributes:
        row: The measured case.
        basis: Names of the resolutions that the prediction is based on.
        latency_ms: Predicted median.
        peak_bytes: Predicted peak memory.
    """

    row: CostRow
    basis: tuple[str, ...]
    latency_ms: float
    peak_bytes: int


def check_predictions(summary: Summary) -> list[PredictionCheck]:
    """Predict the largest measured case of each subject that has predicted cases."""
    return list(_checks(summary))


def prediction_table(summary: Summary) -> Table:
    """Return the table of checks; empty where nothing can be checked."""
    checks = check_predictions(summary)
    return Table(
        name="predictions",
        cells=pd.DataFrame([_cells(check) for check in checks]),
        data=pd.DataFrame([_numbers(check) for check in checks], dtype=object),
        note=(
            "How accurate predictions are: for each subject with predicted cases, its largest "
            "measured case is predicted from the smaller ones (*From*) and compared with the "
            "measurement. The predictions in the other tables use all measured sizes of a subject, "
            "or the largest one alone if a line through them would start below zero. A subject "
            "that was measured at one size only cannot be checked."
        ),
    )


def _checks(summary: Summary) -> Iterator[PredictionCheck]:
    keys = dict.fromkeys((row.subject, row.transform, row.machine) for row in summary.cost)
    for key in keys:
        rows = [row for row in summary.cost if (row.subject, row.transform, row.machine) == key]
        known = sorted((row for row in rows if row.latency_ms), key=attrgetter("pixels"))
        if len(known) < 2 or all(row.status != "predicted" for row in rows):
            continue
        *smaller, largest = known
        prediction = predict_cost(
            pixels=largest.pixels,
            macs=largest.macs_total or 0,
            own=[as_measured(row) for row in smaller],
            others=[],
        )
        if prediction is not None:
            yield PredictionCheck(
                row=largest,
                basis=tuple(row.resolution for row in smaller),
                latency_ms=prediction.latency_ns / NS_PER_MS,
                peak_bytes=prediction.peak_bytes,
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
        "Latency error": _error(check.latency_ms, latency),
        "Predicted memory": f"≈ {format_bytes(check.peak_bytes)}",
        "Measured memory": format_bytes(peak),
        "Memory error": _error(check.peak_bytes, peak),
    }


def _error(predicted: float, measured: float) -> str:
    return f"{predicted / measured - 1:+.0%}" if measured else NONE


def _numbers(check: PredictionCheck) -> dict[str, object]:
    row = check.row
    return {
        "subject": row.subject,
        "transform": row.transform,
        "resolution": row.resolution,
        **machine_numbers(row.machine),
        "basis": " ".join(check.basis),
        "predicted_latency_ms": check.latency_ms,
        "measured_latency_ms": row.latency_ms.value if row.latency_ms else None,
        "predicted_peak_bytes": check.peak_bytes,
        "measured_peak_bytes": row.peak_bytes,
    }
