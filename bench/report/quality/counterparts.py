"""Shipped students against the authors' ones, by metrics that neither was trained on."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from types import MappingProxyType

from bench.analysis.differences import Difference
from bench.report.common.formats import format_difference
from bench.report.common.summary import HIGHER_IS_BETTER, METRIC_NAMES, Summary
from bench.report.common.tables import ARROWS
from bench.report.quality.differences import DifferenceRow, starred_rows
from pcakd.zoo import split_version

COUNTERPARTS: Mapping[str, str] = MappingProxyType(
    {
        "vgg16": "authors_vgg19",
        "mobilenet_v1": "authors_mobilenet_v1",
        "mobilenet_v1-m": "authors_mobilenet_v1",
        "mobilenet_v1-s": "authors_mobilenet_v1",
    }
)
"""The authors' student of the same kind of backbone, by shipped student."""


def counterparts_note(summary: Summary) -> str:
    """Say for each shipped student where the authors' one is better, and where it is.

    Only differences count that Holm's correction for all comparisons of the report leaves. The text
    is empty without records of both, or of what the shipped student was trained on.
    """
    return " ".join(_sentences(summary))


def _sentences(summary: Summary) -> Iterator[str]:
    for row, stars in starred_rows(summary):
        for ours, theirs in ((row.subject, row.other), (row.other, row.subject)):
            if COUNTERPARTS.get(split_version(ours)[0]) == theirs:
                yield from _compare(row, stars, ours=ours, theirs=theirs)


def _compare(
    row: DifferenceRow, stars: Mapping[str, bool], *, ours: str, theirs: str
) -> Iterator[str]:
    sign = 1 if row.subject == ours else -1
    fair = [
        name for name in METRIC_NAMES if name in row.differences and name not in row.trained_metrics
    ]
    if not fair or not row.trained_metrics:
        return
    better: list[str] = []
    worse: list[str] = []
    for name in fair:
        if stars[name]:
            gain = sign * row.differences[name].value * (1 if HIGHER_IS_BETTER[name] else -1)
            (better if gain > 0 else worse).append(_describe(name, row.differences[name], sign))
    count = max(row.differences[name].count for name in fair)
    rest = len(fair) - len(better) - len(worse)
    yield (
        f"By {len(fair)} metrics that `{ours}` was not trained on, nor on a close relative, over "
        f"{count} image pairs, "
        f"`{theirs}` is better than it in {_join(worse)}; `{ours}` is better in {_join(better)}; "
        f"{rest} show no difference beyond chance (`{ours}` minus `{theirs}`, 95 % intervals, "
        "5 % after Holm)."
    )


def _describe(name: str, difference: Difference, sign: int) -> str:
    low, high = (sign * end for end in (difference.ends or (difference.value,) * 2))
    turned = replace(
        difference, value=sign * difference.value, low=min(low, high), high=max(low, high)
    )
    return f"{ARROWS[name]} ({format_difference(turned, star=False)})"


def _join(parts: list[str]) -> str:
    return ", ".join(parts) if parts else "none"
