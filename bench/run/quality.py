"""Quality and trade-off curves: a child process evaluates one subject. No torch."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import groupby
from typing import Any

from bench.plan.cases import PlannedCase, SubjectInfo, create_case
from bench.plan.config import BenchmarkProfile
from bench.plan.image_pairs import ImagePair
from bench.records.identity import Machine
from bench.records.schema import METRIC_NAMES, Case, Kind, Obtained, Record
from bench.run.context import START_SECONDS, Bar, Measurement, RunContext, RunDescription
from bench.worker.process import NO_ANSWER, Message, Outcome, run_child
from pcakd.errors import ConfigError

_VARIATION = ("strength", "regularizer")
_KEY = ("pair", "transform", *_VARIATION)


def plan_quality(profile: BenchmarkProfile, description: RunDescription) -> list[PlannedCase]:
    """List the quality cases, subject by subject and pair by pair.

    A subject with only some of the profile's transforms is evaluated with those (``vgg16@ot`` with
    ``ot``), a subject with none of them with its first one (a colour transfer with ``none``). An
    untrained subject has one case without a pair, with the status "untrained".
    """
    planned = []
    for subject in description.subjects:
        transforms = [name for name in subject.transforms if name in profile.transforms]
        chosen = transforms or list(subject.transforms[:1])
        pairs = description.pairs if subject.has_quality else (None,)
        for pair in pairs:
            for transform in chosen if pair else chosen[:1]:
                variation = {"transform": transform}
                planned.append(
                    _plan("quality", subject, pair, variation, profile, description.machine)
                )
    return planned


def plan_curve(profile: BenchmarkProfile, description: RunDescription) -> list[PlannedCase]:
    """List the cases of the trade-off curves of trained students, pair by pair."""
    return [
        _plan("curve", subject, pair, variation, profile, description.machine)
        for subject in description.subjects
        if subject.regularizers is not None
        for pair in description.pairs
        for variation in _variations(profile, subject.regularizers)
    ]


def run(context: RunContext, cases: Sequence[PlannedCase], bar: Bar) -> list[Record]:
    """Evaluate the cases, one subject after the other."""
    records: list[Record] = []
    for source, group in groupby(cases, key=lambda planned: planned.subject.source):
        own = list(group)
        bar.set_description(f"{own[0].case.kind} of {source}")
        records += _evaluate_subject(context, own, bar)
    return records


def run_curve(context: RunContext, cases: Sequence[PlannedCase], bar: Bar) -> list[Record]:
    """Evaluate the cases of trade-off curves; no example images are written."""
    return run(replace(context, examples=None), cases, bar)


QUALITY = Measurement(name="quality", kind="quality", plan=plan_quality, run=run, needs_pairs=True)
CURVE = Measurement(name="curve", kind="curve", plan=plan_curve, run=run_curve, needs_pairs=True)


def _plan(
    kind: Kind,
    subject: SubjectInfo,
    pair: ImagePair | None,
    variation: dict[str, Any],
    profile: BenchmarkProfile,
    machine: Machine,
) -> PlannedCase:
    image: dict[str, Any] = {}
    if pair:
        image = {"width": pair.width, "height": pair.height}
        image |= {"pair": pair.name, "pair_hash": pair.hash}
    settings = profile.settings(subject.name, machine.device)
    return PlannedCase(
        case=create_case(kind, subject, machine, **image, **variation),
        subject=subject,
        settings=settings,
        seconds=START_SECONDS + settings.case_seconds,
        pair=pair,
    )


def _variations(profile: BenchmarkProfile, regularizers: Sequence[float]) -> list[dict[str, float]]:
    """List the points of a curve; a student whose λ is 0 has strengths only."""
    strengths = [float(each) for each in profile.curve_strengths]
    multiples = [float(each) for each in profile.curve_regularizers if any(regularizers)]
    if 1.0 in strengths:  # the multiple 1 is the same stylization
        multiples = [each for each in multiples if each != 1.0]
    return [{"strength": each} for each in strengths] + [
        {"regularizer": each} for each in multiples
    ]


def _evaluate_subject(context: RunContext, cases: Sequence[PlannedCase], bar: Bar) -> list[Record]:
    """Bring cases of one kind of a subject to their records.

    If a child process runs out of time or memory, its current case gets that status and a new child
    continues with the next one. Any other failure ends the subject.
    """
    known = {id(planned): _find(context, planned) for planned in cases}
    records = [record for record in known.values() if record is not None]
    pending = [planned for planned in cases if known[id(planned)] is None]
    bar.update(len(records))

    def finish(planned: PlannedCase, **fields: Any) -> None:
        pending.remove(planned)
        if planned.case.kind == "curve":
            fields["own_regularizers"] = planned.subject.regularizers
        fields["trained_metrics"] = planned.subject.trained_metrics
        cost_subject = planned.subject.cost_subject
        records.append(context.recorder.write(planned, cost_subject=cost_subject, **fields))
        bar.update()

    def take(message: Message) -> None:
        key = tuple(message.get(name) for name in _KEY)
        planned = next(each for each in pending if _key(each.case) == key)
        finish(planned, **_record_fields(message))

    while pending:
        if not pending[0].subject.has_quality:
            finish(pending[0], status="untrained", reason="seeded weights; nothing to score")
            continue
        outcome = _evaluate(context, pending, take)
        exhausted = outcome.status in ("oom", "timeout")
        status = outcome.status if exhausted else "error"
        for planned in pending[:1] if exhausted else list(pending):
            finish(planned, status=status, reason=outcome.reason or NO_ANSWER)
    return records


def _find(context: RunContext, planned: PlannedCase) -> Record | None:
    """Return the record of a case to keep; one without some of the metrics is measured again."""
    record = context.recorder.find(planned)
    if record is None or record.status != "ok":
        return record
    return record if set(planned.settings.metrics) <= set(record.protocol or {}) else None


def _evaluate(context: RunContext, cases: Sequence[PlannedCase], take: Any) -> Outcome:
    """Evaluate the cases of a subject in one child process."""
    first = cases[0]
    job = {
        "job": "quality",
        "subject": first.subject.source,
        "name": first.subject.name,
        "device": context.device,
        "pairs": list(_pair_jobs(cases)),
        "max_side": first.settings.quality_max_side,
        "metrics": list(first.settings.metrics),
        "examples": str(context.examples) if context.examples else None,
        "styles": str(context.scratch) if context.scratch else None,
    }
    budget = context.budget(first.settings, seconds=first.seconds)
    try:
        return run_child(job, budget=budget, on_message=take, command=context.command)
    except ConfigError as error:  # a metric without its weights is a result of each case
        return Outcome(status="error", reason=str(error))


def _pair_jobs(cases: Sequence[PlannedCase]) -> Iterator[dict[str, Any]]:
    """List the image pairs of some cases, each with its transforms and variations.

    The cases of a curve have one transform.
    """
    pairs = {planned.pair.name: planned.pair for planned in cases if planned.pair}
    for name, pair in pairs.items():
        own = [planned.case for planned in cases if planned.case.pair == name]
        transforms = list(dict.fromkeys(case.transform for case in own))
        varied = [each for each in map(_variation, own) if each]
        job = {"name": name, "content": str(pair.content), "style": str(pair.style)}
        yield {**job, "transforms": transforms} | ({"variations": varied} if varied else {})


def _key(case: Case) -> tuple[Any, ...]:
    return tuple(getattr(case, name) for name in _KEY)


def _variation(case: Case) -> dict[str, float]:
    """Return how a case of a curve differs from the quality case of its subject."""
    given = {name: getattr(case, name) for name in _VARIATION}
    return {name: value for name, value in given.items() if value is not None}


def _record_fields(message: Message) -> dict[str, Any]:
    """Return the record fields of a message with metric values, or with the reason for none."""
    fields = {k: v for k, v in message.items() if k not in ("type", *_KEY)}
    obtained: dict[str, Obtained] = {name: "measured" for name in METRIC_NAMES if name in fields}
    return {**fields, "obtained": obtained}
