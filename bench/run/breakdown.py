"""Time breakdown: latency, multiply-adds and bytes by section of a stylization. No torch."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from bench.analysis.stats import median
from bench.plan.cases import PlannedCase
from bench.plan.config import BenchmarkProfile
from bench.records.schema import FILTER, FILTER_SEPARATOR, Obtained, Record, hash_case
from bench.records.store import read_latest_records
from bench.records.units import NS_PER_S
from bench.run.context import START_SECONDS, Bar, Measurement, RunContext, RunDescription
from bench.run.cost import LATENCY_PROTOCOL, over_budget, plan_sizes
from bench.run.disturbance import measure_undisturbed
from bench.worker.process import NO_ANSWER, Message, Outcome

_PROTOCOL = {
    "latency": LATENCY_PROTOCOL,
    "stage latency": "median over calls; the device is synchronized and a clock is read where a "
    "section begins or ends; a section does not include the sections inside it (transform does not "
    "include eigh); other is the time outside all sections; the guided filter is timed separately "
    "and is in no sum",
    "stage macs": "as macs, counted on the reference implementation of the networks and of the "
    "guided filter; macs_total is the sum without the guided filter",
    "stage bytes": "bytes that the operators of the reference implementation of the networks and "
    "of the guided filter read and write: each operand and each result once; views count as zero; "
    "caches, tiles and the folding of the transform are not modelled",
}


_OWN_FILTER = {
    "stage latency": _PROTOCOL["stage latency"].replace(
        "the guided filter is timed separately and is in no sum",
        "the filter that ends the subject is one of its sections",
    ),
    "stage macs": "as macs, counted on the reference implementation of the networks and of a "
    "guided filter, without its running sums",
}
"""What differs for a subject that ends with a filter."""


def plan(profile: BenchmarkProfile, description: RunDescription) -> list[PlannedCase]:
    """List the breakdown cases of a benchmark profile, subject by subject."""
    sizes = profile.breakdown_resolutions
    return [
        planned
        for subject in description.subjects
        for planned in plan_sizes(
            "stages", subject, sizes, profile=profile, machine=description.machine
        )
    ]


def run(context: RunContext, cases: Sequence[PlannedCase], bar: Bar) -> list[Record]:
    """Measure the cases in their order; cost cases of the run folder can rule them out."""
    costs = {record.case_hash: record for record in read_latest_records(context.recorder.folder)}
    records = []
    for planned in cases:
        bar.set_description(f"breakdown of {planned.case.subject} at {planned.case.resolution}")
        cost = costs.get(hash_case(replace(planned.case, kind="cost")))
        records.append(measure_breakdown(context, planned, cost=cost))
        bar.update()
    return records


MEASUREMENT = Measurement(name="breakdown", kind="stages", plan=plan, run=run)


def measure_breakdown(
    context: RunContext,
    planned: PlannedCase,
    *,
    cost: Record | None = None,
    trace: Path | None = None,
) -> Record:
    """Measure one time breakdown and record it.

    Args:
        context: The run.
        planned: The case.
        cost: Record of the cost case of the same subject and size, if there is one.
        trace: File for a profiler trace of one call, or None.
    """
    record = context.recorder.find(planned)
    if record is not None:
        return record
    counts = planned.subject.macs[planned.case.resolution or ""]
    obstacle = _obstacle(context, planned, cost) if cost else None
    fields = (
        _predicted_fields(obstacle, cost)
        if obstacle and cost
        else _measure(context, planned, trace)
    )
    filtered = FILTER_SEPARATOR in (planned.case.subject or "")
    return context.recorder.write(
        planned,
        protocol=_PROTOCOL | (_OWN_FILTER if filtered else {}),
        num_params=planned.subject.num_params,
        macs_content=counts["macs_content"],
        macs_total=counts["macs_total"],
        **fields,
    )


def _obstacle(context: RunContext, planned: PlannedCase, cost: Record) -> str | None:
    """Return why a case is not measured: its cost case failed or shows that it takes too much."""
    if cost.status in ("oom", "timeout", "error"):
        return f"not run: its cost case ended in {cost.status}"
    settings = planned.settings
    latency_ns = median(cost.latency_ns) if cost.latency_ns else cost.predicted_latency_ns or 0
    calls = settings.warmup + 2 * settings.expect_samples(latency_ns)
    return over_budget(
        context,
        planned,
        seconds=START_SECONDS + calls * latency_ns / NS_PER_S,
        peak_bytes=cost.peak_bytes or cost.predicted_peak_bytes or 0,
    )


def _measure(context: RunContext, planned: PlannedCase, trace: Path | None) -> dict[str, Any]:
    settings = planned.settings
    job = {
        "job": "breakdown",
        "warmup": settings.warmup,
        "samples": settings.samples,
        "sample_seconds": settings.sample_seconds,
        "trace": str(trace) if trace else None,
    }
    return measure_undisturbed(
        lambda: _measured_fields(*context.measure(job, planned)), seconds=planned.seconds
    )


def _measured_fields(answers: Sequence[Message], outcome: Outcome) -> dict[str, Any]:
    """Return the record fields of a child's messages: the sections, then perhaps the filter."""
    reason = outcome.reason or NO_ANSWER
    if not answers:
        return {"status": "error" if outcome.status == "ok" else outcome.status, "reason": reason}
    first = answers[0]
    sections: dict[str, dict[str, int]] = dict(first["sections"])
    for answer in answers[1:]:
        sections[FILTER] = {unit: answer[unit] for unit in ("latency_ns", "macs", "bytes")}
    obtained: dict[str, Obtained] = {
        "latency_ns": "measured",
        "stages.latency_ns": "measured",
        "stages.macs": "derived",
        "stages.bytes": "derived",
        "macs_content": "derived",
        "macs_total": "derived",
    }
    fields = {
        "status": "ok",
        "latency_ns": first["latency_ns"],
        "stages": sections,
        "machine_state": first["machine_state"],
    }
    if outcome.status != "ok":
        fields["reason"] = f"after the time breakdown, {outcome.status}: {reason}"
    return {**fields, "obtained": obtained}


def _predicted_fields(obstacle: str, cost: Record) -> dict[str, Any]:
    expected = round(median(cost.latency_ns)) if cost.latency_ns else cost.predicted_latency_ns
    obtained: dict[str, Obtained] = {"predicted_latency_ns": "predicted"} if expected else {}
    return {
        "status": "predicted",
        "reason": obstacle,
        "predicted_latency_ns": expected,
        "obtained": obtained,
    }
