"""The section of a report that says how its numbers were obtained."""

import json
from collections.abc import Iterable, Sequence

from bench.analysis.ratios import paired_speeds
from bench.quality.protocol import METRICS, without_outputs
from bench.records.identity import Machine
from bench.records.schema import Record
from bench.report.common.summary import Summary
from bench.report.common.tables import machine_label

CONTRACT = """\
- **Latency** runs from two float images on the device to the clipped output. The style image is as
  large as the content and its encoding is included. Every sample is one whole call; on an
  accelerator it ends with a synchronisation inside the timed region. TF32 is off. Where a profile
  has `sample_seconds`, no further call is timed once those before it have taken so long together,
  but for the second one.
- Each case runs in a process of its own (a pair's two subjects share one), with a budget of time
  and one of memory. Running out of
  either is a result: `timeout`, `oom`. A case that is expected to be over budget, or that the
  profile leaves out, is not run but derived from measured ones: `predicted`, written with ≈, drawn
  hollow. Latency is predicted from multiply-adds (from pixels where none are counted), peak memory
  from pixels, in proportion or, from several sizes, with an offset.
  Time need not grow as multiply-adds do, and a prediction from one size (*linear from*) cannot
  know it.
- Intervals are 95 % percentile-bootstrap intervals (2,000 seeded resamples) from 6 samples up, and
  the least and the greatest sample below: of the median over calls for latency, of the mean over
  pairs for scores. They do not cover differences between machines or runs.
- A **MAC** is one multiply-add; FLOPs = 2 × MACs. *MACs/px content* counts the convolutions on the
  content path, divided by the pixels of the content; *MACs* counts every operator that has a
  formula, for both images.
- *Parameters* are the deployed ones; *eigenbases* are what distillation needed and inference does
  not.
- Repeats of one case are pooled. Where a case and repeat was recorded twice, the last line counts.
"""


def methods_section(summary: Summary) -> str:
    """Write how the figures were obtained: contract, protocols, what is uncounted, environment."""
    parts = [
        "## How it was measured\n",
        CONTRACT,
        _samples(summary),
        _protocols(summary.records),
        _uncounted(summary),
        _not_measured(summary),
        _environment(summary),
    ]
    return "\n".join(part for part in parts if part)


def warnings(summary: Summary) -> list[str]:
    """Return what a reader must know before comparing: machines, commits, uncommitted changes."""
    found = []
    if not summary.comparable:
        names = [
            f"{machine_label(summary, each)} = {each[1]} ({each[0]}, {count_threads(each)})"
            for each in summary.machines
        ]
        found.append(
            f"The records come from {len(names)} machines: {'; '.join(names)}. Their figures are "
            "**not comparable**; plots are left out."
        )
    commits = {record.commit for record in summary.records}
    if len(commits) > 1:
        found.append(f"The records come from {len(commits)} commits.")
    if mixed := _mixed_metrics(summary.records):
        found.append(
            f"{' and '.join(mixed)} scores are by several protocols, listed below; those of "
            "different ones are **not comparable**."
        )
    if any(record.dirty for record in summary.records):
        found.append("Some records come from code with uncommitted changes.")
    return found


def _mixed_metrics(records: Iterable[Record]) -> list[str]:
    """Name the metrics that records hold scores of by different protocols."""
    texts: dict[str, set[str]] = {metric.name: set() for metric in METRICS}
    for record in records:
        if record.kind in ("quality", "curve") and record.status == "ok":
            for name in texts.keys() & (record.protocol or {}).keys():
                texts[name].add(without_outputs((record.protocol or {})[name]))
    return [metric.title for metric in METRICS if len(texts[metric.name]) > 1]


def count_threads(machine: Machine) -> str:
    """Write the number of threads of a machine."""
    return "1 thread" if machine[2] == 1 else f"{machine[2]} threads"


def _samples(summary: Summary) -> str:
    lines: dict[tuple[str, int], set[int]] = {}
    for record in summary.records:
        if record.kind == "cost" and record.latency_ns:
            case = record.case
            key = (case.resolution or f"{case.width}×{case.height}", case.warmup)
            lines.setdefault(key, set()).add(len(record.latency_ns))
    if not lines:
        return ""
    texts = [
        f"{name}: {_span(counts)} after {warmup} warm-up"
        for (name, warmup), counts in lines.items()
    ]
    return f"Timed calls a case: {'; '.join(texts)}.\n"


def _span(counts: set[int]) -> str:
    low, high = min(counts), max(counts)
    return str(low) if low == high else f"{low} to {high}"


def _protocols(records: Sequence[Record]) -> str:
    texts: dict[str, dict[str, None]] = {}
    for record in records:
        for name, text in (record.protocol or {}).items():
            texts.setdefault(name, {}).setdefault(text)
    if not texts:
        return ""
    lines = [f"- `{name}`: {'; or '.join(values)}" for name, values in sorted(texts.items())]
    return "### Protocols\n\n" + "\n".join(lines) + "\n"


def _uncounted(summary: Summary) -> str:
    if not summary.cost:
        return ""
    operators: dict[str, set[str]] = {}
    for row in summary.cost:
        operators.setdefault(row.subject, set()).update(row.uncounted)
    lines = [
        f"- {subject}: {', '.join(f'`{name}`' for name in sorted(names))}"
        for subject, names in operators.items()
        if names
    ]
    body = "\n".join(lines) or "Nothing: every operator that ran has a formula."
    return f"### Operators that no MAC count includes\n\n{body}\n"


def _not_measured(summary: Summary) -> str:
    reasons: dict[tuple[str, str], list[str]] = {}
    for row in summary.cost:
        if row.status != "ok":
            why = " ".join((row.reason or "no reason recorded").split())
            if row.predicted_oom:
                mark = "≈ OOM?" if row.near_oom else "≈ OOM"
                why = f"{mark}: would need more memory than a case may take; {why}"
            key = (row.status, why)
            reasons.setdefault(key, []).append(f"{row.subject} at {row.resolution}")
    for record in summary.records:
        if record.kind == "stages" and record.status != "ok":
            key = (record.status, " ".join((record.reason or "no reason recorded").split()))
            where = f"{record.case.subject} at {record.case.resolution} (stages)"
            reasons.setdefault(key, []).append(where)
        if record.kind in ("quality", "curve") and record.status != "ok":
            key = (record.status, " ".join((record.reason or "no reason recorded").split()))
            pair = f" on pair {record.case.pair}" if record.case.pair else " (quality)"
            where = f"{record.case.subject}{_place(record)}{pair}"
            reasons.setdefault(key, []).append(where)
    for speed in paired_speeds(summary.records):
        if speed.ratio is None:
            reason = " ".join((speed.record.reason or "no reason recorded").split())
            where = f"{speed.case.subject} against {speed.case.other} at {speed.case.resolution}"
            reasons.setdefault((speed.record.status, reason), []).append(where)
    if not reasons:
        return ""
    lines = [f"- **{s}** ({why}): {', '.join(cases)}" for (s, why), cases in reasons.items()]
    return "### Cases that were not measured\n\n" + "\n".join(lines) + "\n"


def _place(record: Record) -> str:
    """Name the place of a record on its subject's curve, if it has one."""
    case = record.case
    if case.strength is not None:
        return f" at strength {case.strength:g}"
    return f" at λ × {case.regularizer:g}" if case.regularizer is not None else ""


def _environment(summary: Summary) -> str:
    records = summary.records
    rows = [("commit", _join(record.commit or "unknown" for record in records))]
    rows.append(("recorded", _times(records)))
    known = [{k: v for k, v in r.environment.items() if v is not None} for r in records]
    names = dict.fromkeys(name for environment in known for name in environment)
    rows += [(name, _join(_text(each[name]) for each in known if name in each)) for name in names]
    lines = [f"| {name} | {value.replace('|', '/')} |" for name, value in rows]
    return "### Environment\n\n| | |\n|:--|:--|\n" + "\n".join(lines) + "\n"


def _times(records: Iterable[Record]) -> str:
    times = sorted(record.created[:16].replace("T", " ") for record in records)
    return f"{times[0]} to {times[-1]} UTC" if times[0] != times[-1] else f"{times[0]} UTC"


def _text(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value, sort_keys=True)


def _join(values: Iterable[str]) -> str:
    distinct = list(dict.fromkeys(values))
    return distinct[0] if len(distinct) == 1 else "several: " + "; ".join(distinct)
