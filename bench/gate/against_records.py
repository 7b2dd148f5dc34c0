"""Head against committed records: exact counts, speed-ups and metric values. No torch.

Latency and memory of another machine or day do not compare, so they are no part of it.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from bench.analysis.ratios import speed_ratios
from bench.gate.cases import CaseResult, GateCase
from bench.gate.config import GateConfig
from bench.gate.context import GateContext
from bench.gate.exact import count_head, judge_values
from bench.gate.latency import compare_latency
from bench.gate.quality import judge_metric
from bench.machine.memory import host_bytes
from bench.quality.protocol import without_filter
from bench.records.identity import is_external
from bench.records.schema import NO_TRANSFORM, Record
from bench.worker.process import Budget, Message, ask_child

KINDS = ("counts", "quality", "speedup")
"""What compares with records of another machine."""


def committed_speedups(records: Sequence[Record], config: GateConfig) -> GateConfig:
    """Return the gate with the recorded speed ratios between its subjects as floors.

    A floor of the configuration wins over a record. Ratios are those at the gate's resolution.
    Ratios to other subjects are left out: a call of some peers takes minutes.
    """
    known = {*config.subjects}
    floors: dict[str, float] = {}
    for speed in speed_ratios(records):
        case = speed.case
        here = case.resolution == config.speedup_resolution
        if speed.ratio is not None and here and {case.subject, case.other} <= known:
            floors[f"{case.subject} {case.other}"] = speed.ratio.value
    return replace(config, speedups=floors | dict(config.speedups))


def compare_with_records(
    context: GateContext,
    cases: Sequence[GateCase],
    records: Sequence[Record],
    *,
    names: Mapping[str, str],
    error: float,
) -> list[CaseResult]:
    """Compare head with records, in the order of the cases.

    Args:
        context: The gate.
        cases: Its cases.
        records: The records.
        names: Names of subjects in records, by those in the gate: that of a file is its stem.
        error: Probability that a speed-up without a change is called worse.
    """
    results: list[CaseResult] = []
    counts = [case for case in cases if case.kind == "counts"]
    results += _compare_counts(context, counts, records, names)
    quality = [case for case in cases if case.kind == "quality"]
    for subject in dict.fromkeys(case.subject for case in quality):
        own = [case for case in quality if case.subject == subject]
        results += _compare_quality(context, own, records, names.get(subject, subject))
    speedups = [case for case in cases if case.kind == "speedup"]
    results += compare_latency(context, speedups, error=error)
    return results


def _compare_counts(
    context: GateContext,
    cases: Sequence[GateCase],
    records: Iterable[Record],
    names: Mapping[str, str],
) -> list[CaseResult]:
    recorded: dict[tuple[str, str | None, str], int | None] = {}
    for record in records:
        if record.kind == "cost":
            name, resolution = record.case.subject, record.case.resolution
            recorded[name, None, "parameters"] = record.num_params
            recorded[name, resolution, "MACs"] = record.macs_total
    counted = count_head(context, cases)
    results = []
    for case in cases:
        name = names.get(case.subject, case.subject)
        base = recorded.get((name, case.resolution, case.quantity or ""))
        results.append(judge_values(case, "no record" if base is None else base, counted[case]))
    return results


def _compare_quality(
    context: GateContext, cases: Sequence[GateCase], records: Iterable[Record], name: str
) -> list[CaseResult]:
    """Score head on the image pairs at the size of the records, and compare pair by pair."""
    subject = cases[0].subject
    max_side, recorded = _find_scores(name, records, preferred=context.config.quality_max_side)
    pairs = [pair for pair in context.pairs if pair.name in recorded]
    if not pairs:
        reason = "no record of an image pair of the gate"
        return [CaseResult(case=each, verdict="not comparable", reason=reason) for each in cases]
    job = {
        "job": "quality",
        "subject": subject,
        "name": subject,
        "device": context.device,
        "pairs": [
            {
                "name": pair.name,
                "content": str(pair.content),
                "style": str(pair.style),
                "transforms": [recorded[pair.name].case.transform],
            }
            for pair in pairs
        ],
        "max_side": max_side,
        "metrics": [case.quantity for case in cases],
        "examples": None,
        "styles": None,
    }
    budget = Budget(seconds=cases[0].seconds * len(pairs), memory_bytes=host_bytes())
    messages, outcome = ask_child(job, budget=budget)
    if outcome.status != "ok":
        reason = f"head: {outcome.reason}"
        return [CaseResult(case=each, verdict="failed", reason=reason) for each in cases]
    return [_judge_scores(case, messages, recorded) for case in cases]


def _find_scores(
    subject: str, records: Iterable[Record], *, preferred: int
) -> tuple[int, dict[str | None, Record]]:
    """Return the size at which a subject was scored, and its records of that size by image pair.

    Args:
        subject: The subject.
        records: Records of any kind.
        preferred: ``quality_max_side`` of the gate, which wins where records have several sizes;
            then that with most image pairs does.
    """
    by_size: dict[int, dict[str | None, Record]] = {}
    for record in records:
        if (
            record.kind == "quality"
            and record.status == "ok"
            and not is_external(record)
            and record.case.subject == subject
            and record.case.transform in ("zca", NO_TRANSFORM)
        ):
            size = int(record.config.get("quality_max_side", 0))
            by_size.setdefault(size, {})[record.case.pair] = record
    sizes = sorted(by_size, key=lambda size: (size == preferred, len(by_size[size])))
    return (sizes[-1], by_size[sizes[-1]]) if sizes else (preferred, {})


def _judge_scores(
    case: GateCase, messages: Sequence[Message], recorded: dict[str | None, Record]
) -> CaseResult:
    name = case.quantity or ""
    compared: list[dict[str, Any]] = []
    for message in messages:
        record = recorded[message["pair"]]
        if message["status"] != "ok":
            reason = f"head at image pair {message['pair']}: {message['reason']}"
            return CaseResult(case=case, verdict="failed", reason=reason)
        if without_filter((record.protocol or {}).get(name)) == message["protocol"].get(name, ""):
            compared.append({"base": {name: getattr(record, name)}, "head": message})
    if not compared:
        reason = f"the records have no {name} of this protocol"
        return CaseResult(case=case, verdict="not comparable", reason=reason)
    return judge_metric(case, compared, reason=f"{len(compared)} recorded image pairs")
