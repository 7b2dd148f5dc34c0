"""The section on methods: contract, protocols, uncounted operators, environment."""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from types import MappingProxyType

import pandas as pd

from bench.quality.protocol import METRICS
from bench.records.provenance import HUGE_PAGES, count_provenances
from bench.records.schema import Record
from bench.report.common.section import Section
from bench.report.common.summary import Summary
from bench.report.common.tables import to_markdown
from bench.report.methods.contract import CONTRACT
from bench.report.methods.not_measured import not_measured_text

FILES: tuple[str, ...] = ()

_PROTOCOL_TITLES: Mapping[str, str] = MappingProxyType(
    {
        **{metric.name: metric.title for metric in METRICS},
        "capacity": "largest image",
        "macs": "MACs",
        "pair": "speed ratio",
        "peak_bytes": "peak memory",
        "stage bytes": "time breakdown, bytes",
        "stage latency": "time breakdown, latency",
        "stage macs": "time breakdown, MACs",
    }
)
"""Titles of the protocols that records name by a key."""


def make_section(summary: Summary) -> Section:
    """Return how the figures were obtained."""
    parts = [
        "## Methods\n",
        CONTRACT,
        _samples(summary),
        _protocols(summary.records),
        _uncounted(summary),
        not_measured_text(summary),
        _environment(summary),
    ]
    return Section(text="\n".join(part for part in parts if part))


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
    return f"Timed calls per case: {'; '.join(texts)}.\n"


def _span(counts: set[int]) -> str:
    low, high = min(counts), max(counts)
    return str(low) if low == high else f"{low} to {high}"


def _protocols(records: Sequence[Record]) -> str:
    """List the protocols as the records state them."""
    texts: dict[str, dict[str, None]] = {}
    for record in records:
        for name, text in (record.protocol or {}).items():
            texts.setdefault(_PROTOCOL_TITLES.get(name, name), {}).setdefault(text)
    if not texts:
        return ""
    lines = [
        f"- **{title}**: {'; or '.join(texts[title])}" for title in sorted(texts, key=str.lower)
    ]
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
    body = "\n".join(lines) or "None: every operator that ran has a formula."
    return f"### Uncounted operators\n\nOperators without a formula for their MACs:\n\n{body}\n"


def _environment(summary: Summary) -> str:
    records = summary.records
    rows = [("commit", _join(record.commit or "unknown" for record in records))]
    rows.append(("recorded", _times(records)))
    noted = any(HUGE_PAGES in record.environment for record in records)
    default = {HUGE_PAGES: False} if noted else {}
    known = [
        {k: v for k, v in (default | record.environment).items() if v is not None}
        for record in records
    ]
    names = dict.fromkeys(name for environment in known for name in environment)
    rows += [(name, _join(_text(each[name]) for each in known if name in each)) for name in names]
    lines = [f"| {name} | {value.replace('|', '/')} |" for name, value in rows]
    text = "### Environment\n\n| | |\n|:--|:--|\n" + "\n".join(lines) + "\n"
    return "\n".join([text, *_provenances(records)])


def _provenances(records: Sequence[Record]) -> Iterator[str]:
    """Yield the table of commits, torch releases and machines, if there are several."""
    counts = count_provenances(records)
    if len(counts) < 2:
        return
    table = pd.DataFrame(
        {
            "Commit": each.code,
            "torch": each.torch,
            "Machine": each.machine,
            "Records": str(number),
        }
        for each, number in counts.items()
    )
    yield "The records come from several commits, torch releases or machines:\n"
    yield to_markdown(table)


def _times(records: Iterable[Record]) -> str:
    times = sorted(record.created[:16].replace("T", " ") for record in records)
    return f"{times[0]} to {times[-1]} UTC" if times[0] != times[-1] else f"{times[0]} UTC"


def _text(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value, sort_keys=True)


def _join(values: Iterable[str]) -> str:
    distinct = list(dict.fromkeys(values))
    return distinct[0] if len(distinct) == 1 else "several: " + "; ".join(distinct)
