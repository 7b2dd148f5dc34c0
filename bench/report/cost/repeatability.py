"""How far the medians of one case lie apart when another process measures it."""

from bench.analysis.stats import median
from bench.report.breakdown.rows import stage_rows
from bench.report.common.summary import Summary

_LEAST_CASES = 3
_LEAST_MS = 10.0  # shorter calls say more of the clock and of the caches than of a subject


def process_differences(summary: Summary) -> dict[str, float]:
    """Compare medians of the same subject, transform, size and machine in two processes.

    Returns:
        By subject and resolution, the median of whole calls in the process that measured stages
        over that in the process that measured cost; those under 10 ms are left out.
    """
    cost = {
        (row.subject, row.transform, row.width, row.height, row.machine): row.latency_ms
        for row in summary.cost
    }
    found = {}
    for row in stage_rows(summary):
        first = cost.get((row.subject, row.transform, row.width, row.height, row.machine))
        if first and row.latency_ms and first.value >= _LEAST_MS:
            found[f"{row.subject} at {row.resolution}"] = row.latency_ms.value / first.value
    return found


def repeatability_note(summary: Summary) -> str:
    """Say how repeatable latencies are; empty where few cases were measured twice."""
    ratios = process_differences(summary)
    if len(ratios) < _LEAST_CASES:
        return ""
    away = {name: max(ratio, 1 / ratio) - 1 for name, ratio in ratios.items()}
    worst = max(away, key=lambda name: away[name])
    return (
        f"Repeatability: {len(ratios)} cases were timed in two processes (cost, and "
        f"stages below; calls under {_LEAST_MS:g} ms are left out). "
        f"Their medians differ by {median(list(away.values())):.0%} in the median and by "
        f"{away[worst]:.0%} at most ({worst}), which the intervals of one process do not show. "
        "Speeds are compared by pairs in one process, below."
    )
