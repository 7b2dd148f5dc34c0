"""Speed ratio: two subjects timed in turn within a child process, in several of them. No torch."""

from collections.abc import Sequence
from dataclasses import replace

from bench.machine.state import MOST_CHANGE
from bench.plan.cases import PlannedCase, SubjectInfo, create_case, in_rounds, require_cost
from bench.plan.config import BenchmarkProfile
from bench.plan.settings import CaseSettings
from bench.records.identity import Machine
from bench.records.schema import Beside, Record, hash_case
from bench.run.context import Bar, Measurement, RunContext, RunDescription
from bench.run.cost import LATENCY_PROTOCOL
from bench.run.disturbance import measure_undisturbed
from bench.worker.process import record_fields
from pcakd.utils.resolutions import Resolution, parse_resolution

_PROTOCOL = {
    "pair": "both subjects in one process, warm-up of both first, then one call of each a round in "
    "alternating order (A B, B A, …), same images; each call as in `latency`; each repeat is a "
    "process of its own, in rounds over all speed ratios; B is prepared first "
    "and starts in odd ones; a repeat during which the calibration changed by more than a factor "
    f"of {MOST_CHANGE:g} is measured once more",
    "latency": LATENCY_PROTOCOL,
}


def plan(profile: BenchmarkProfile, description: RunDescription) -> list[PlannedCase]:
    """List the speed ratios of a benchmark profile, in its order, for each process."""
    by_source = {subject.source: subject for subject in description.subjects}
    machine = description.machine
    planned = []
    for text in profile.speed_ratios:
        first, second = (by_source[name] for name in text.split())
        planned.append(
            plan_ratio(
                (first, second),
                (
                    profile.settings(first.name, machine.device),
                    profile.settings(second.name, machine.device),
                ),
                parse_resolution(profile.ratio_resolution),
                machine,
            )
        )
    return in_rounds(planned)


def plan_ratio(
    subjects: tuple[SubjectInfo, SubjectInfo],
    settings: tuple[CaseSettings, CaseSettings],
    resolution: Resolution,
    machine: Machine,
    *,
    beside: Beside | None = None,
) -> PlannedCase:
    """Plan one speed ratio, on a quiet machine or beside other programs.

    It may take the time of one cost case of each subject, in as many processes as the subject with
    fewer has: that one is slow.

    Raises:
        ConfigError: The cost of a subject is not measured.
    """
    for subject in subjects:
        require_cost(subject)
    first, second = subjects
    case = create_case(
        "pair",
        first,
        machine,
        resolution=resolution.name,
        width=resolution.width,
        height=resolution.height,
        warmup=max(each.warmup for each in settings),
        samples=max(each.ratio_rounds for each in settings),
        other=second.name,
        other_hash=second.hash,
        other_transform=second.transforms[0],
        beside=beside,
    )
    return PlannedCase(
        case=case,
        subject=first,
        settings=replace(settings[0], processes=min(each.processes for each in settings)),
        seconds=sum(each.case_seconds for each in settings),
        other=second,
    )


def run(context: RunContext, cases: Sequence[PlannedCase], bar: Bar) -> list[Record]:
    """Measure the speed ratios in their order."""
    records: list[Record] = []
    failed: set[str] = set()
    for planned in cases:
        bar.set_description(f"{planned.case.subject} against {planned.case.other}")
        if hash_case(planned.case) not in failed:
            records.append(measure_ratio(context, planned))
            if records[-1].status != "ok":
                failed.add(records[-1].case_hash)
        bar.update()
    return records


def measure_ratio(context: RunContext, planned: PlannedCase) -> Record:
    """Measure one speed ratio and record it; running out of time or memory is a result.

    In odd repeats the second subject is prepared first and starts. An advantage of the first
    one in memory would last through all rounds of a process; so it favours neither.
    """
    record = context.recorder.find(planned)
    if record is not None:
        return record
    case, other = planned.case, planned.other
    job = {
        "job": "ratio",
        "subject_transform": case.transform,
        "other": other.source if other else None,
        "other_transform": case.other_transform,
        "warmup": case.warmup,
        "rounds": case.samples,
        "beside": case.beside,
        "swapped": planned.repeat % 2 == 1,
    }
    fields = measure_undisturbed(
        lambda: record_fields(*context.measure(job, planned)), seconds=planned.seconds
    )
    return context.recorder.write(planned, protocol=_PROTOCOL, **fields)


MEASUREMENT = Measurement(name="ratio", kind="pair", plan=plan, run=run)
