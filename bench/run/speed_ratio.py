"""Two subjects timed in turn, in one child process: the measurement of a speed ratio. No torch."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from bench.machine.memory import host_bytes
from bench.plan.cases import Machine, Resolution, SubjectInfo, parse_resolution, require_cost
from bench.plan.config import Profile, Settings
from bench.records.schema import Case, Record
from bench.run.recorder import Recorder
from bench.worker.process import Budget, ask_child, record_fields

_PROTOCOL = {
    "pair": "both subjects in one process, warm-up of both first, then one call of each a round in "
    "alternating order (A B, B A, …), same images; each call as in `latency`",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class PairPlan:
    """One paired measurement: two subjects, the case, and the child's time budget in seconds."""

    first: SubjectInfo
    second: SubjectInfo
    case: Case
    seconds: float


def plan_pairs(
    profile: Profile, subjects: Sequence[SubjectInfo], machine: Machine
) -> list[PairPlan]:
    """List the paired measurements of a profile, in its order."""
    by_source = {subject.source: subject for subject in subjects}
    resolution = parse_resolution(profile.paired_resolution)
    names = [text.split() for text in profile.paired]
    return [
        plan_pair(profile, (by_source[first], by_source[second]), resolution, machine)
        for first, second in names
    ]


def plan_pair(
    profile: Profile,
    subjects: tuple[SubjectInfo, SubjectInfo],
    resolution: Resolution,
    machine: Machine,
) -> PairPlan:
    """Plan one paired measurement; it has the time of one cost case of each subject.

    Raises:
        ConfigError: A subject has another one's cost.
    """
    for subject in subjects:
        require_cost(subject)
    first, second = subjects
    settings = [profile.settings(each.name, machine.device) for each in subjects]
    case = Case(
        kind="pair",
        subject=first.name,
        subject_hash=first.hash,
        resolution=resolution.name,
        width=resolution.width,
        height=resolution.height,
        transform=first.transforms[0],
        precision=first.precision,
        device=machine.device,
        device_name=machine.device_name,
        threads=machine.threads,
        warmup=_most(settings, "warmup"),
        samples=_most(settings, "paired_rounds"),
        other=second.name,
        other_hash=second.hash,
        other_transform=second.transforms[0],
    )
    seconds = sum(each.case_seconds for each in settings)
    return PairPlan(first=first, second=second, case=case, seconds=seconds)


def _most(settings: Sequence[Settings], name: str) -> int:
    return max(int(getattr(each, name)) for each in settings)


@dataclass(frozen=True, slots=True, kw_only=True)
class PairRunner:
    """Brings paired measurements to their records.

    Attributes:
        recorder: Takes the records.
        device: Name of the device, as children are told.
        command: How to start a child.
    """

    recorder: Recorder
    device: str
    command: Sequence[str]

    def run(self, plan: PairPlan) -> Record:
        """Return the record that the folder holds, or measure; running out is a result."""
        record = self.recorder.find(plan.case)
        if record is None:
            record = self.recorder.write(plan.case, protocol=_PROTOCOL, **self._measure(plan))
        return record

    def _measure(self, plan: PairPlan) -> dict[str, Any]:
        case, fraction = plan.case, self.recorder.profile.memory_fraction
        job = {
            "job": "pair",
            "subject": plan.first.source,
            "subject_transform": case.transform,
            "other": plan.second.source,
            "other_transform": case.other_transform,
            "device": self.device,
            "width": case.width,
            "height": case.height,
            "warmup": case.warmup,
            "rounds": case.samples,
            "memory_fraction": fraction,
        }
        budget = Budget(seconds=plan.seconds, memory_bytes=int(fraction * host_bytes()))
        answers, outcome = ask_child(job, budget=budget, command=self.command)
        return record_fields(answers, outcome)
