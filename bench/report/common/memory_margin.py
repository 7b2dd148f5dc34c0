"""How wrong predictions of peak memory are, from cases that were measured."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import replace
from operator import attrgetter

from bench.plan.prediction import Measured, predict_cost
from bench.records.identity import Machine
from bench.records.units import NS_PER_MS
from bench.report.common.rows import OOM_MARGIN, CostRow

_BASIS = 2
"""Sizes that a prediction is made from; with the fewest it is the least certain."""


def with_memory_margins(rows: Sequence[CostRow]) -> list[CostRow]:
    """Return the rows with the margin of their machine.

    The margin is how many times too high the peak of a subject's largest measured size was in the
    worst case, predicted from its two smallest ones; `OOM_MARGIN` where no subject of the machine
    was measured at three sizes. It is rounded up to whole percents.
    """
    errors: dict[Machine, list[float]] = {}
    for key in dict.fromkeys((row.subject, row.transform, row.machine) for row in rows):
        own = (row for row in rows if (row.subject, row.transform, row.machine) == key)
        if (error := _error(own)) is not None:
            errors.setdefault(key[2], []).append(error)
    margins = {machine: _round_up(max(1.0, *found)) for machine, found in errors.items()}
    return [replace(row, oom_margin=margins.get(row.machine, OOM_MARGIN)) for row in rows]


def _error(rows: Iterable[CostRow]) -> float | None:
    """Return predicted over measured peak of the largest size of one subject."""
    known = sorted(
        (row for row in rows if row.latency_ms and row.peak_bytes), key=attrgetter("pixels")
    )
    if len(known) <= _BASIS:
        return None
    largest = known[-1]
    prediction = predict_cost(
        pixels=largest.pixels, macs=0, own=[as_measured(row) for row in known[:_BASIS]], others=[]
    )
    if prediction is None or not largest.peak_bytes:
        return None
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
