"""Scores of a subject by content-style pair, for what is compared pair by pair."""

import statistics

from bench.records.identity import Machine, identify, label_subjects, machine_of
from bench.report.common.summary import Summary

Pair = tuple[str | int | None, ...]
"""What tells a score's pair, size and protocol apart."""


def scores_by_pair(
    summary: Summary, subject: str, transform: str, machine: Machine, metric: str
) -> dict[Pair, float]:
    """Return the scores of a subject with a transform, repeats averaged."""
    names = label_subjects(summary.records)
    values: dict[Pair, list[float]] = {}
    for record in summary.records:
        case, score = record.case, getattr(record, metric)
        if record.kind != "quality" or score is None or names[identify(record)] != subject:
            continue
        if case.transform == transform and machine_of(record) == machine:
            protocol = (record.protocol or {}).get(metric)
            key = (case.pair, case.pair_hash, case.width, case.height, protocol)
            values.setdefault(key, []).append(score)
    return {key: statistics.fmean(many) for key, many in values.items()}
