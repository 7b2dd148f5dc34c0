"""Cost: latency and peak memory of each subject, measured or predicted. No torch.

A case is timed in several processes, because a process has luck of its own: addresses, caches,
the cores that it gets. The processes come in rounds over all cases, so that a slow period of the
machine does not hit the processes of one case alone. Memory is measured in one more process.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, get_args

from bench.analysis.stats import median
from bench.machine.state import MOST_CHANGE
from bench.plan.cases import PlannedCase, SubjectInfo, create_case, in_rounds
from bench.plan.config import BenchmarkProfile
from bench.plan.prediction import Measured, Prediction, predict_cost
from bench.plan.settings import CaseSettings
from bench.records.identity import Machine
from bench.records.schema import NO_FILTER, Case, Kind, Obtained, Record, hash_case
from bench.records.uncounted import UncountedOperator
from bench.records.units import NS_PER_S
from bench.run.context import START_SECONDS, Bar, Measurement, RunContext, RunDescription
from bench.run.disturbance import measure_undisturbed
from bench.worker.allocator import FIXED_ALLOCATOR
from bench.worker.process import record_fields
from pcakd.utils.resolutions import Resolution, sort_resolutions

LATENCY_PROTOCOL = (
    "two photographs (the shipped image pair 01, cut or continued by reflection), float32 on the "
    "device, to the clipped output, style encoding included, style as large as content; students "
    f"by pcakd.stylize with its checks of images and result; TF32 off; {NO_FILTER}"
)
_PROTOCOL = {
    "latency": LATENCY_PROTOCOL,
    "processes": "each repeat is a process of its own; rounds over all cases; a repeat during "
    f"which the calibration changed by more than a factor of {MOST_CHANGE:g} is measured once more",
    "peak_bytes": "what one call added to a process of its own, after a call on a small image: "
    "weights, both images, all that it needs; freed memory returns to the system at once",
    "macs": "multiply-adds; fvcore with handles for what it misses (bench.profiling.handles)",
}


def plan(profile: BenchmarkProfile, description: RunDescription) -> list[PlannedCase]:
    """List the cost cases in rounds, each subject by subject."""
    cases = [
        planned
        for subject in description.subjects
        for planned in plan_sizes(
            "cost", subject, profile.resolutions, profile=profile, machine=description.machine
        )
    ]
    return in_rounds(cases)


def plan_sizes(
    kind: Kind,
    subject: SubjectInfo,
    resolutions: tuple[str, ...],
    *,
    profile: BenchmarkProfile,
    machine: Machine,
) -> list[PlannedCase]:
    """List cases of a subject by size, the smallest first, because predictions extend them.

    A subject that shares the cost of another one has none.
    """
    if subject.cost_subject is not None:
        return []
    settings = profile.settings(subject.name, machine.device)
    return [
        plan_size(kind, subject, size, settings=settings, machine=machine)
        for size in sort_resolutions(resolutions)
    ]


def plan_size(
    kind: Kind, subject: SubjectInfo, size: Resolution, *, settings: CaseSettings, machine: Machine
) -> PlannedCase:
    """Plan the case of a subject at one size."""
    case = create_case(
        kind,
        subject,
        machine,
        resolution=size.name,
        width=size.width,
        height=size.height,
        warmup=settings.warmup,
        samples=settings.samples,
    )
    return PlannedCase(case=case, subject=subject, settings=settings, seconds=settings.case_seconds)


def run(context: RunContext, cases: Sequence[PlannedCase], bar: Bar) -> list[Record]:
    """Measure or predict the cases in their order."""
    measuring = CostMeasurement(context)
    records = []
    for planned in cases:
        bar.set_description(f"cost of {planned.case.subject} at {planned.case.resolution}")
        record = measuring.run(planned)
        if record is not None:
            records.append(record)
        bar.update()
    return records


MEASUREMENT = Measurement(name="cost", kind="cost", plan=plan, run=run)


@dataclass(slots=True)
class CostMeasurement:
    """Measures or predicts cost cases, in the order of their size and in rounds.

    Attributes:
        context: The run.
        first: The records of the first round, by case hash.
        measured: Measured cases so far, by subject and transform.
        exhausted: Why no larger case of a subject can succeed.
    """

    context: RunContext
    first: dict[str, Record] = field(default_factory=dict)
    measured: dict[tuple[str, str], list[Measured]] = field(default_factory=dict)
    exhausted: dict[tuple[str, str], str] = field(default_factory=dict)

    def run(self, planned: PlannedCase) -> Record | None:
        """Return the record of one case: a known one, a measurement or a prediction.

        None in a later round, if the first one has no measurement.
        """
        if planned.repeat:
            return self._run_again(planned)
        record = self.context.recorder.find(planned)
        if record is None:
            counts = _counts(planned)
            prediction = self._predict(planned.case, counts)
            obstacle = self._obstacle(planned, prediction)
            fields = (
                _predicted_fields(prediction, obstacle)
                if obstacle
                else _with_prediction(self._measure(planned), prediction)
            )
            counts["obtained"] |= fields.pop("obtained", {})
            record = self.context.recorder.write(planned, protocol=_PROTOCOL, **counts, **fields)
        self._learn(record)
        self.first[record.case_hash] = record
        return record

    def _run_again(self, planned: PlannedCase) -> Record | None:
        """Time a case in a further process."""
        first = self.first.get(hash_case(planned.case))
        if first is None or first.status != "ok":
            return None
        known = self.context.recorder.find(planned)
        if known is not None:
            return known
        counts, fields = _counts(planned), time_case(self.context, planned)
        counts["obtained"] |= fields.pop("obtained", {})
        return self.context.recorder.write(planned, protocol=_PROTOCOL, **counts, **fields)

    def _predict(self, case: Case, counts: Mapping[str, Any]) -> Prediction | None:
        own = self.measured.get(_key(case), [])
        others = [each for key, many in self.measured.items() if key != _key(case) for each in many]
        return predict_cost(
            pixels=_pixels(case),
            macs=counts["macs_total"],
            own=own,
            others=others,
            counts_all=_counts_all(counts.get("uncounted")),
        )

    def _obstacle(self, planned: PlannedCase, prediction: Prediction | None) -> str | None:
        """Return why a case is not measured; only cases of the same subject can rule it out."""
        case, settings = planned.case, planned.settings
        if case.resolution not in settings.measured:
            return f"not run in profile {settings.profile}"
        if _key(case) in self.exhausted:
            return f"not run: {self.exhausted[_key(case)]}"
        if prediction is None or not self.measured.get(_key(case)):
            return None
        calls = settings.warmup + settings.expect_samples(prediction.latency_ns)
        return over_budget(
            self.context,
            planned,
            seconds=START_SECONDS + calls * prediction.latency_ns / NS_PER_S,
            peak_bytes=prediction.peak_bytes,
        )

    def _measure(self, planned: PlannedCase) -> dict[str, Any]:
        """Measure memory, then latency; memory also shows whether the case fits."""
        memory = record_fields(
            *self.context.measure({"job": "memory"}, planned, environment=FIXED_ALLOCATOR)
        )
        if memory["status"] != "ok":
            return memory
        latency = time_case(self.context, planned)
        return {**memory, **latency, "obtained": memory["obtained"] | latency.get("obtained", {})}

    def _learn(self, record: Record) -> None:
        """Keep what a record says about later cases."""
        case = record.case
        label = f"{case.subject} {case.resolution}"
        if record.status in ("timeout", "oom"):
            self.exhausted.setdefault(_key(case), f"{label} ended in {record.status}")
        if record.latency_ns and record.peak_bytes is not None:
            known = Measured(
                label=label,
                pixels=_pixels(case),
                macs=record.macs_total or 0,
                latency_ns=median(record.latency_ns),
                peak_bytes=record.peak_bytes,
                counts_all=_counts_all(record.uncounted),
            )
            self.measured.setdefault(_key(case), []).append(known)


def time_case(context: RunContext, planned: PlannedCase, *, neighbours: int = 0) -> dict[str, Any]:
    """Time a case in a process; once more if the machine changed meanwhile and time is left.

    Args:
        context: The run.
        planned: The case.
        neighbours: Processes that keep a core busy each meanwhile.

    Returns:
        Fields of a record.
    """
    return measure_undisturbed(
        lambda: _time_once(context, planned, neighbours), seconds=planned.seconds
    )


def _time_once(context: RunContext, planned: PlannedCase, neighbours: int) -> dict[str, Any]:
    settings = planned.settings
    job = {
        "job": "cost",
        "warmup": settings.warmup,
        "samples": settings.samples,
        "sample_seconds": settings.sample_seconds,
        "neighbours": neighbours,
    }
    return record_fields(*context.measure(job, planned))


def over_budget(
    context: RunContext, planned: PlannedCase, *, seconds: float, peak_bytes: int
) -> str | None:
    """Return why a case would exceed its budget of time or memory, or None if it fits.

    Args:
        context: The run.
        planned: The case.
        seconds: What its process is expected to take.
        peak_bytes: The memory that it is expected to take.
    """
    if seconds > planned.seconds:
        return f"over budget: about {seconds:.0f} s of {planned.seconds:g} s"
    allowed = planned.settings.memory_fraction * context.memory_bytes
    if peak_bytes > allowed:
        return f"over budget: about {peak_bytes / 2**30:.1f} GiB of {allowed / 2**30:.1f} GiB"
    return None


def _key(case: Case) -> tuple[str, str]:
    return case.subject, case.transform


def _pixels(case: Case) -> int:
    return (case.width or 0) * (case.height or 0)


def _counts_all(uncounted: Mapping[str, int] | None) -> bool:
    """Return whether multiply-adds are those of all the work."""
    return not (uncounted or {}).keys() & set(get_args(UncountedOperator))


def _counts(planned: PlannedCase) -> dict[str, Any]:
    """Return the record fields that are counted and not measured."""
    subject = planned.subject
    obtained: dict[str, Obtained] = {
        "num_params": "measured",
        "num_eigenbasis_params": "measured",
        "macs_content": "derived",
        "macs_total": "derived",
    }
    return {
        "num_params": subject.num_params,
        "num_eigenbasis_params": subject.num_eigenbasis_params,
        **subject.macs[planned.case.resolution or ""],
        "obtained": obtained,
    }


def _predicted_fields(prediction: Prediction | None, obstacle: str) -> dict[str, Any]:
    if prediction is None:
        return {"status": "predicted", "reason": f"{obstacle}; nothing measured to predict from"}
    return _with_prediction({"status": "predicted", "reason": obstacle}, prediction)


def _with_prediction(fields: dict[str, Any], prediction: Prediction | None) -> dict[str, Any]:
    """Add the prediction to a case without measured values."""
    if fields["status"] == "ok" or prediction is None:
        return fields
    obtained: dict[str, Obtained] = {
        "predicted_latency_ns": "predicted",
        "predicted_peak_bytes": "predicted",
    }
    return {
        **fields,
        "reason": f"{fields['reason']}; predicted from {prediction.basis}",
        "predicted_latency_ns": prediction.latency_ns,
        "predicted_peak_bytes": prediction.peak_bytes,
        "obtained": obtained,
    }
