"""The page of levers: each beside its base, with the difference that it makes. No torch."""

from collections.abc import Mapping, Sequence
from statistics import fmean
from typing import Any

import pandas as pd

from bench.ablations.records import LeverRecord
from bench.analysis.stats import describe_intervals, difference_interval
from bench.quality.protocol import METRICS
from bench.report.common.formats import format_difference
from bench.report.common.tables import to_markdown

_NONE = "—"
_TAPS = 4
_OF_ENVIRONMENT = ("device_name", "threads", "torch")
_NOTE = (
    "Made by `python -m bench ablations` from the records here. Each setting is changed alone: "
    "its row differs from the row of its base, above it, by the options shown. *R²* is how much of "
    "the teacher's variance taps 1 to 4 of the finished student carry on held-out photographs, in "
    "brackets the share of what their widths allow. *Picture* is the error, as a share of the "
    "pictures' variance, of held-out pictures that come back from tap 4 without a transform. "
    "Scores are means over pairs with `zca` at strength 1, without a guided filter; differences "
    "from the base are paired, with their {intervals}; * where it leaves 0 out. "
    "Trainings whose base has `--steps` are shorter than the recipe's, so that all can be made: "
    "they compare levers, and no row of theirs is the best that its options can do."
)


def write_page(records: Mapping[str, LeverRecord]) -> str:
    """Compose the page: a table for each base, and what the records have in common."""
    note = _NOTE.format(intervals=describe_intervals("mean", "pairs"))
    sections = [f"# Levers of the distillation\n\n{note}"]
    for base in (record for record in records.values() if record.base is None):
        moved = [record for record in records.values() if record.base == base.name]
        rows = [_cells(record, base) for record in [base, *moved]]
        title = f"## From the base `{base.name}`\n\n`pcakd distill {' '.join(base.options)}`"
        sections.append(f"{title}\n\n{to_markdown(pd.DataFrame(rows))}")
        remarks = [_remark(record, base) for record in [base, *moved]]
        sections.append("\n".join(f"* {remark}" for remark in remarks if remark))
    lost = [r.name for r in records.values() if r.base is not None and r.base not in records]
    if lost:
        sections.append(f"Without a record of their base: {', '.join(lost)}.")
    sections.append(_origin(list(records.values())))
    return "\n\n".join(section for section in sections if section) + "\n"


def _remark(record: LeverRecord, base: LeverRecord) -> str:
    if record.failure:
        return f"`{record.name}` failed: {record.failure}"
    if reason := record.incomparable(base):
        return f"`{record.name}` is not comparable: {reason}"
    if record.commit != base.commit:
        return f"`{record.name}` was recorded at another commit than its base"
    return ""


def _cells(record: LeverRecord, base: LeverRecord) -> dict[str, str]:
    shown = record.options[len(base.options) :] if record is not base else ()
    return {
        "Lever": record.name,
        "What is moved": record.about,
        "Options": f"`{' '.join(shown)}`" if shown else _NONE,
        "R² of taps (share of ceiling)": _carried(record.card),
        "Picture": _picture(record.card),
        **{metric.title: _score(record, base, metric.name) for metric in METRICS},
        "Minutes": _minutes(record.card),
    }


def _carried(card: Mapping[str, Any]) -> str:
    taps = _last(card, "taps")
    if not taps:
        return _NONE
    values = ", ".join(f"{tap['r2']:.2f}" for tap in taps)
    shares = ", ".join(f"{tap['r2'] / tap['ceiling']:.0%}" for tap in taps)
    return f"{values} ({shares})"


def _picture(card: Mapping[str, Any]) -> str:
    losses = _last(card, "held_out_losses") or {}
    name = f"image{_TAPS}"
    return f"{losses[name]:.3f}" if name in losses else _NONE


def _minutes(card: Mapping[str, Any]) -> str:
    for key, unit in (("core_minutes", "core"), ("device_minutes", "device")):
        if key in card:
            return f"{card[key]:.1f} {unit}"
    return _NONE


def _last(card: Mapping[str, Any], key: str) -> Any:
    """Return what the last phase that reports something says of it."""
    legs = card.get("legs", ())
    return next((leg[key] for leg in reversed(legs) if leg.get(key)), None)


def _score(record: LeverRecord, base: LeverRecord, metric: str) -> str:
    own, other = record.scores.get(metric, {}), base.scores.get(metric, {})
    if not own:
        return _NONE
    mean = f"{fmean(own.values()):.3f}"
    common = sorted(own.keys() & other.keys())
    if record is base or not common or record.incomparable(base):
        return mean
    change = difference_interval([own[p] for p in common], [other[p] for p in common])
    return f"{mean} ({format_difference(change)})"


def _origin(records: Sequence[LeverRecord]) -> str:
    """Say on which machines, from which commits and on how many pairs."""
    scored = [record for record in records if record.scores]
    counts = sorted({len(next(iter(record.scores.values()))) for record in scored})
    lines = [f"* Pairs: {', '.join(map(str, counts)) or 'none'}."]
    lines += [f"* {name}: {protocol}." for name, protocol in _protocols(scored)]
    by_origin: dict[tuple[str, str], list[str]] = {}
    for record in records:
        environment = record.environment
        machine = ", ".join(
            f"{name} {environment.get(name, 'unknown')}" for name in _OF_ENVIRONMENT
        )
        by_origin.setdefault((machine, record.commit or "unknown"), []).append(record.name)
    lines += [
        f"* {machine}, commit `{commit}`: {', '.join(names)}."
        for (machine, commit), names in by_origin.items()
    ]
    return "## Where the numbers come from\n\n" + "\n".join(lines)


def _protocols(records: Sequence[LeverRecord]) -> list[tuple[str, str]]:
    found = {(name, text) for record in records for name, text in record.protocol.items()}
    return sorted(found)
