"""Latency beside other programs: the cost cases once more, with every core kept busy. No torch."""

from collections.abc import Sequence
from dataclasses import replace

from bench.plan.cases import PlannedCase, in_rounds
from bench.plan.config import BenchmarkProfile
from bench.records.schema import Record, hash_case
from bench.records.store import read_latest_records
from bench.run.context import Bar, Measurement, RunContext, RunDescription
from bench.run.cost import LATENCY_PROTOCOL, plan_sizes, time_case

_PROTOCOL = {
    "latency": LATENCY_PROTOCOL,
    "contention": "as latency, beside as many endless loops in processes of their own as torch has "
    "threads; the calibration is taken before the loops begin and after they end",
}


def plan(profile: BenchmarkProfile, description: RunDescription) -> list[PlannedCase]:
    """List the cases of a benchmark profile in rounds, each subject by subject."""
    return in_rounds(
        [
            planned
            for subject in description.subjects
            for planned in plan_sizes(
                "contention",
                subject,
                profile.settings(subject.name, description.machine.device).contention_resolutions,
                profile=profile,
                machine=description.machine,
            )
        ]
    )


def run(context: RunContext, cases: Sequence[PlannedCase], bar: Bar) -> list[Record]:
    """Measure the cases in their order.

    Cases whose cost case in the run folder was not measured are left out, and so are further
    processes of one that failed.
    """
    costs = {
        record.case_hash: record.status
        for record in read_latest_records(context.recorder.folder)
        if record.kind == "cost" and record.repeat == 0
    }
    records: list[Record] = []
    failed: set[str] = set()
    for planned in cases:
        bar.set_description(f"contention of {planned.case.subject} at {planned.case.resolution}")
        cost = costs.get(hash_case(replace(planned.case, kind="cost")), "ok")
        if cost == "ok" and hash_case(planned.case) not in failed:
            record = context.recorder.find(planned) or context.recorder.write(
                planned,
                protocol=_PROTOCOL,
                **time_case(context, planned, neighbours=planned.case.threads),
            )
            records.append(record)
            if record.status != "ok":
                failed.add(record.case_hash)
        bar.update()
    return records


MEASUREMENT = Measurement(name="contention", kind="contention", plan=plan, run=run)
