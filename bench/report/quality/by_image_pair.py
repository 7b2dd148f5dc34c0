"""Metric values of a subject by image pair, for comparisons over the same image pairs."""

import statistics
from typing import TypeAlias

from bench.quality.protocol import without_filter
from bench.records.identity import Machine, identify, label_subjects, machine_of
from bench.report.common.summary import Summary

PairKey: TypeAlias = tuple[str | int | None, ...]
"""Name and hash of an image pair, the size and the protocol: equal keys are comparable.

A filter that is a part of a subject makes no difference: it is what such subjects differ by."""


def metric_by_image_pair(
    summary: Summary, subject: str, transform: str, machine: Machine, metric: str
) -> dict[PairKey, float]:
    """Return the metric values of a subject with a transform, averaged over repeats."""
    names = label_subjects(summary.records)
    values: dict[PairKey, list[float]] = {}
    for record in summary.records:
        case, value = record.case, getattr(record, metric)
        if record.kind != "quality" or value is None or names[identify(record)] != subject:
            continue
        if case.transform == transform and machine_of(record) == machine:
            protocol = without_filter((record.protocol or {}).get(metric))
            key = (case.pair, case.pair_hash, case.width, case.height, protocol)
            values.setdefault(key, []).append(value)
    return {key: statistics.fmean(many) for key, many in values.items()}
