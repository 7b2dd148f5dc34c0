"""Tables of ablations: each trial with its difference from its base. No torch."""

from collections.abc import Mapping, Sequence
from itertools import chain
from statistics import fmean
from typing import Any, TypeAlias

import pandas as pd

from bench.analysis.differences import Difference, describe_holm, difference_interval, mark_by_holm
from bench.analysis.stats import describe_intervals
from bench.quality.protocol import TRAINED_MARK, Metric, headline_metrics, other_metrics
from bench.report.common.formats import format_difference
from bench.report.common.tables import ARROWS, to_markdown
from bench.sweeps.records import TrialRecord
from pcakd.cards import list_trained_metrics

_Key: TypeAlias = tuple[str, str]
"""Name of a record, and of a metric."""

_NONE = "—"
_TAPS = 4
_OF_ENVIRONMENT = ("device_name", "threads", "torch")
_NOTE = (
    "`pcakd-bench sweep` wrote this page from the records in this folder. Each training "
    "changes one setting of its base: the options shown are all that differs from the first row of "
    "the table. *R²* is the share of the teacher's variance that taps 1 to 4 of the finished "
    "student carry, on held-out photographs; in brackets it is given as a share of the largest R² "
    "that the widths of the taps allow. *Reconstruction* is the reconstruction error from tap 4 on "
    "held-out photographs, as a share of their variance. Metric values are means over image pairs "
    "with `zca` at strength 1, without a guided filter; ‡ the student was trained on the formula "
    "of this metric or a close relative of it. In brackets follows the difference from the base, "
    "image pair by image pair, with its {intervals}. {stars}Trainings "
    "whose base has `--steps` are shorter than the default recipe: compare them with each other, "
    "not with fully trained students."
)


def compare_with_bases(records: Mapping[str, TrialRecord], *, heading: bool = True) -> str:
    """Return a table for each base that other trials are compared with, and notes on them.

    Args:
        records: Records by the name of the trial.
        heading: Whether the tables are the whole page, so that bases without other trials count.
    """
    changes = _changes(records)
    every = list(changes.values())
    marks = dict(zip(changes, mark_by_holm(every), strict=True))
    stars = describe_holm(every, "page")
    note = _NOTE.format(
        intervals=describe_intervals("mean", "image pairs"), stars=f"{stars} " if stars else ""
    )
    sections = []
    for base in (record for record in records.values() if record.base is None):
        others = [record for record in records.values() if record.base == base.name]
        if not (others or heading):
            continue
        shown, rest = _metrics([base, *others])
        rows = [_cells(record, base, shown, changes, marks) for record in [base, *others]]
        title = f"## Base `{base.name}`\n\n`pcakd distill {' '.join(base.options)}`"
        sections.append(f"{title}\n\n{to_markdown(pd.DataFrame(rows))}")
        if rest:
            rows = [
                {"Ablation": record.name, **_scores(record, rest, changes, marks)}
                for record in [base, *others]
            ]
            sections.append(f"The other metrics, style first:\n\n{to_markdown(pd.DataFrame(rows))}")
        remarks = [_remark(record, base) for record in [base, *others]]
        sections.append("\n".join(f"* {remark}" for remark in remarks if remark))
    lost = [r.name for r in records.values() if r.base is not None and r.base not in records]
    if lost:
        sections.append(f"No record of the base: {', '.join(lost)}.")
    if not sections:
        return ""
    title = "# Ablation study of the distillation" if heading else "## Ablations"
    return "\n\n".join(section for section in [f"{title}\n\n{note}", *sections] if section)


def _remark(record: TrialRecord, base: TrialRecord) -> str:
    if record.stopped:
        return f"`{record.name}` was {record.failure}"
    if record.failure:
        return f"`{record.name}` failed: {record.failure}"
    if reason := record.incomparable(base):
        return f"`{record.name}` is not comparable: {reason}"
    if record.commit != base.commit:
        return f"`{record.name}` was recorded at another commit than its base"
    return ""


def _metrics(
    records: Sequence[TrialRecord],
) -> tuple[tuple[Metric, ...], tuple[Metric, ...]]:
    """Return metrics of all records with values: those of the first table, and the others."""
    scored = [set(record.scores) for record in records if record.scores]
    measured = set.intersection(*scored) if scored else set[str]()
    shown = headline_metrics(measured)
    return shown, other_metrics(measured, [metric.name for metric in shown])


def _changes(records: Mapping[str, TrialRecord]) -> dict[_Key, Difference]:
    """Return all differences from bases that a table shows, over common image pairs."""
    found: dict[_Key, Difference] = {}
    for record in records.values():
        base = records.get(record.base or "")
        if base is None or record is base or record.incomparable(base):
            continue
        group = [base, *(each for each in records.values() if each.base == base.name)]
        for metric in chain(*_metrics(group)):
            own, other = (each.scores.get(metric.name, {}) for each in (record, base))
            if common := sorted(own.keys() & other.keys()):
                found[record.name, metric.name] = difference_interval(
                    [own[pair] for pair in common], [other[pair] for pair in common]
                )
    return found


def _cells(
    record: TrialRecord,
    base: TrialRecord,
    metrics: Sequence[Metric],
    changes: Mapping[_Key, Difference],
    marks: Mapping[_Key, bool],
) -> dict[str, str]:
    shown = record.options[len(base.options) :] if record is not base else ()
    return {
        "Ablation": record.name,
        "What changes": record.about,
        "Options": f"`{' '.join(shown)}`" if shown else _NONE,
        "R² of taps (share of ceiling)": _carried(record.card),
        "Reconstruction": _reconstruction(record.card),
        **_scores(record, metrics, changes, marks),
        "Minutes": _minutes(record.card),
    }


def _carried(card: Mapping[str, Any]) -> str:
    taps = _last(card, "taps")
    if not taps:
        return _NONE
    values = ", ".join(f"{tap['r2']:.2f}" for tap in taps)
    shares = ", ".join(f"{tap['r2'] / tap['ceiling']:.0%}" for tap in taps)
    return f"{values} ({shares})"


def _reconstruction(card: Mapping[str, Any]) -> str:
    losses = _last(card, "held_out_losses") or {}
    name = f"image{_TAPS}"
    return f"{losses[name]:.3f}" if name in losses else _NONE


def _minutes(card: Mapping[str, Any]) -> str:
    for key, unit in (("core_minutes", "core"), ("device_minutes", "device")):
        if key in card:
            return f"{card[key]:.1f} {unit}"
    return _NONE


def _last(card: Mapping[str, Any], key: str) -> Any:
    """Return an entry from the report of the last phase that has it."""
    reports = reversed(card.get("phases", ()))
    return next((report[key] for report in reports if report.get(key)), None)


def _scores(
    record: TrialRecord,
    metrics: Sequence[Metric],
    changes: Mapping[_Key, Difference],
    marks: Mapping[_Key, bool],
) -> dict[str, str]:
    trained = list_trained_metrics({"recipe": record.recipe})
    return {
        ARROWS[metric.name]: _score(record, metric.name, changes, marks)
        + (TRAINED_MARK if metric.name in trained else "")
        for metric in metrics
    }


def _score(
    record: TrialRecord,
    metric: str,
    changes: Mapping[_Key, Difference],
    marks: Mapping[_Key, bool],
) -> str:
    own, key = record.scores.get(metric, {}), (record.name, metric)
    if not own:
        return _NONE
    mean = f"{fmean(own.values()):.3f}"
    return (
        f"{mean} ({format_difference(changes[key], star=marks[key])})" if key in changes else mean
    )


def describe_origin(records: Mapping[str, TrialRecord]) -> str:
    """List the number of image pairs, the metrics, and machines and commits of the trainings."""
    scored = [record for record in records.values() if record.scores]
    counts = sorted({len(next(iter(record.scores.values()))) for record in scored})
    lines = [f"* Image pairs: {', '.join(map(str, counts)) or 'none'}."]
    lines += [f"* {name}: {protocol}." for name, protocol in _protocols(scored)]
    by_origin: dict[tuple[str, str], list[str]] = {}
    for record in records.values():
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


def _protocols(records: Sequence[TrialRecord]) -> list[tuple[str, str]]:
    found = {(name, text) for record in records for name, text in record.protocol.items()}
    return sorted(found)
