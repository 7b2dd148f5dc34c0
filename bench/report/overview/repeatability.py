"""How much the median latency of a case differs between its cost and its time breakdown."""

from bench.analysis.stats import median
from bench.report.breakdown.rows import breakdown_rows
from bench.report.common.summary import Summary

_LEAST_CASES = 3
_LEAST_MS = 10.0  # shorter calls depend more on the clock and the caches than on the subject


def process_differences(summary: Summary) -> dict[str, float]:
    """Compare the medians of the same subject, transform, size and machine, measured twice.

    Returns:
        By subject and resolution: the median of whole calls in the process of the time breakdown,
        divided by the median over the processes of the cost case. Medians under 10 ms are left out.
    """
    cost = {
        (row.subject, row.transform, row.width, row.height, row.machine): row.latency_ms
        for row in summary.cost
    }
    found = {}
    for row in breakdown_rows(summary):
        first = cost.get((row.subject, row.transform, row.width, row.height, row.machine))
        if first and row.latency_ms and first.value >= _LEAST_MS:
            found[f"{row.subject} at {row.resolution}"] = row.latency_ms.value / first.value
    return found


def repeatability_note(summary: Summary) -> str:
    """Write how repeatable latencies are; empty if few cases were measured twice."""
    ratios = process_differences(summary)
    if len(ratios) < _LEAST_CASES:
        return ""
    away = {name: max(ratio, 1 / ratio) - 1 for name, ratio in ratios.items()}
    worst = max(away, key=lambda name: away[name])
    return (
        f"Repeatability: {len(ratios)} cases were timed twice, in the processes of the table of "
        f"costs and in that of the time breakdown (calls under {_LEAST_MS:g} ms are left out). "
        f"The two medians differ by {median(list(away.values())):.0%} in the median case and by "
        f"{away[worst]:.0%} at most ({worst}). The intervals of a time breakdown, which are of one "
        "process, do not include this. To compare speeds, use the interleaved measurements in "
        "*Speed ratios*."
    )
