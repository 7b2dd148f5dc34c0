"""How wrong predictions of peak memory are, from cases that were measured."""

import math
from collections.abc import Sequence
from dataclasses import replace
from operator import attrgetter

from bench.plan.prediction import Measured, predict_cost
from bench.records.identity import Machine
from bench.records.units import NS_PER_MS
from bench.report.common.rows import OOM_MARGIN, CostRow

_MOST_BASIS = 2
"""Sizes that the error of predictions is measured with; one made from more is more certain."""


def with_memory_margins(rows: Sequence[CostRow]) -> list[CostRow]:
    """Return the rows with the margin of their machine and of what they are predicted from.

    The margin is how many times too high the peak of a subject's largest measured size was in the
    worst case, predicted from its smallest size alone for subjects with one measured size, and from
    its two smallest ones for the others; `OOM_MARGIN` where no subject of the machine shows it. It
    is rounded up to whole percents.
    """
    known: dict[tuple[str, str, Machine], list[CostRow]] = {}
    for row in sorted(rows, key=attrgetter("pixels")):
        if row.latency_ms and row.peak_bytes:
            known.setdefault(_subject_of(row), []).append(row)
    errors: dict[tuple[Machine, int], list[float]] = {}
    for (*_, machine), own in known.items():
        for basis in range(1, min(_MOST_BASIS, len(own) - 1) + 1):
            errors.setdefault((machine, basis), []).append(_error(own, basis))
    margins = {key: _round_up(max(1.0, *found)) for key, found in errors.items()}

    def margin_of(row: CostRow) -> float:
        basis = min(_MOST_BASIS, len(known.get(_subject_of(row), ())))
        return margins.get((row.machine, basis), OOM_MARGIN)

    return [replace(row, oom_margin=margin_of(row)) for row in rows]


def _subject_of(row: CostRow) -> tuple[str, str, Machine]:
    return row.subject, row.transform, row.machine


def _error(known: Sequence[CostRow], basis: int) -> float:
    """Return predicted over measured peak of the largest size, from the ``basis`` smallest ones."""
    largest = known[-1]
    own = [as_measured(row) for row in known[:basis]]
    prediction = predict_cost(pixels=largest.pixels, macs=0, own=own, others=[])
    if prediction is None or not largest.peak_bytes:
        return 1.0
    return prediction.peak_bytes / largest.peak_bytes


def _round_up(margin: float) -> float:
    return math.ceil(round(100 * margin, 6)) / 100


def as_measured(row: CostRow) -> Measured:
    """Return a measured row as the input of predictions."""
    return Measured(
        label=f"{row.subject} {row.resolution}",
        pixels=row.pixels,
        macs=row.macs_total or 0,
        latency_ns=row.latency_ms.value * NS_PER_MS if row.latency_ms else 0.0,
        peak_bytes=row.peak_bytes or 0,
    )
