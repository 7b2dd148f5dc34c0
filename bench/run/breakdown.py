"""The cases of a run that tell where the time goes: each is measured in a child. No torch."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from bench.analysis.stats import median
from bench.machine.memory import host_bytes
from bench.plan.cases import SubjectInfo
from bench.plan.config import Settings
from bench.records.schema import Case, Obtained, Record
from bench.run.cost import LATENCY_PROTOCOL, START_SECONDS
from bench.run.recorder import Recorder
from bench.worker.process import NO_ANSWER, Budget, Message, Outcome, ask_child

FILTER = "filter"
"""The stage of the guided filter, which no latency of a stylization has in it."""

_NS = 1e9
_PROTOCOL = {
    "latency": LATENCY_PROTOCOL,
    "stage latency": "median over calls, the device idle and a clock read at the border of every "
    "stage, without the stages inside it (eigh within transform); other is what lies in no stage; "
    "the guided filter runs afterwards and is in no sum",
    "stage macs": "as macs, on the plain networks; their sum without the guided filter's, counted "
    "on a plain one, is macs_total",
    "stage bytes": "read and written by the operators of the plain networks and filter: each "
    "operand once, whole, and each result; views move nothing; no caches, no tiles, no folded "
    "transform",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class StagesRunner:
    """Measures where the time of subjects goes.

    Attributes:
        recorder: Takes the records.
        device: Name of the device, as children are told.
        memory_bytes: Memory of the device.
        command: How to start a child.
        trace: File for a trace of one call, or None.
    """

    recorder: Recorder
    device: str
    memory_bytes: int
    command: Sequence[str]
    trace: str | None = None

    def run(
        self, subject: SubjectInfo, case: Case, settings: Settings, *, cost: Record | None = None
    ) -> Record:
        """Bring one case to its record; ``cost`` is that of the same subject at the same size."""
        record = self.recorder.find(case)
        if record is not None:
            return record
        counts = subject.macs[case.resolution or ""]
        obstacle = self._obstacle(settings, cost) if cost else None
        fields = (
            _predicted_fields(obstacle, cost)
            if obstacle and cost
            else self._measure(subject, case, settings)
        )
        return self.recorder.write(
            case,
            protocol=_PROTOCOL,
            num_params=subject.num_params,
            macs_content=counts["macs_content"],
            macs_total=counts["macs_total"],
            **fields,
        )

    def _obstacle(self, settings: Settings, cost: Record) -> str | None:
        """Return why a case is not to be run: its cost case failed, or says it takes too much."""
        if cost.status in ("oom", "timeout", "error"):
            return f"not run: its cost case ended in {cost.status}"
        latency_ns = median(cost.latency_ns) if cost.latency_ns else cost.predicted_latency_ns
        calls = settings.warmup + 2 * settings.expect_samples(latency_ns or 0)
        seconds = START_SECONDS + calls * (latency_ns or 0) / _NS
        if seconds > settings.case_seconds:
            return f"over budget: about {seconds:.0f} s of {settings.case_seconds:g} s"
        allowed = self.recorder.profile.memory_fraction * self.memory_bytes
        need = cost.peak_bytes or cost.predicted_peak_bytes or 0
        if need > allowed:
            return f"over budget: about {need / 2**30:.1f} GiB of {allowed / 2**30:.1f} GiB"
        return None

    def _measure(self, subject: SubjectInfo, case: Case, settings: Settings) -> dict[str, Any]:
        fraction = self.recorder.profile.memory_fraction
        job = {
            "job": "stages",
            "subject": subject.source,
            "device": self.device,
            "width": case.width,
            "height": case.height,
            "transform": case.transform,
            "warmup": settings.warmup,
            "samples": settings.samples,
            "sample_seconds": settings.sample_seconds,
            "memory_fraction": fraction,
            "trace": self.trace,
        }
        budget = Budget(seconds=settings.case_seconds, memory_bytes=int(fraction * host_bytes()))
        answers, outcome = ask_child(job, budget=budget, command=self.command)
        return _measured_fields(answers, outcome)


def _measured_fields(answers: Sequence[Message], outcome: Outcome) -> dict[str, Any]:
    """Return the record fields of a child's answers; what follows the first one is optional."""
    reason = outcome.reason or NO_ANSWER
    if not answers:
        return {"status": "error" if outcome.status == "ok" else outcome.status, "reason": reason}
    first = answers[0]
    stages: dict[str, dict[str, int]] = dict(first["stages"])
    for answer in answers[1:]:
        stages[FILTER] = {unit: answer[unit] for unit in ("latency_ns", "macs", "bytes")}
    obtained: dict[str, Obtained] = {
        "latency_ns": "measured",
        "stages.latency_ns": "measured",
        "stages.macs": "derived",
        "stages.bytes": "derived",
        "macs_content": "derived",
        "macs_total": "derived",
    }
    fields = {"status": "ok", "latency_ns": first["latency_ns"], "stages": stages}
    if outcome.status != "ok":
        fields["reason"] = f"after the stages, {outcome.status}: {reason}"
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
