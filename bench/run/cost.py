"""The cost cases of a run: each one is measured in a child, or predicted from others. No torch."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from bench.analysis.stats import median
from bench.machine.memory import host_bytes
from bench.plan.cases import SubjectInfo
from bench.plan.config import Settings
from bench.plan.prediction import Measured, Prediction, predict_cost
from bench.records.schema import Case, Obtained, Record
from bench.run.recorder import Recorder
from bench.worker.process import Budget, ask_child, record_fields

START_SECONDS = 10.0  # a child's start: interpreter, torch, images
_NS = 1e9

LATENCY_PROTOCOL = (
    "two float32 images on the device to the clipped output, style encoding included, "
    "style as large as content; TF32 off; no guided filter"
)
_PROTOCOL = {
    "latency": LATENCY_PROTOCOL,
    "peak_bytes": "what the case added to its process: weights, both images, all that it needs",
    "macs": "multiply-adds; fvcore with handles for what it misses (bench.profiling.handles)",
}


@dataclass(slots=True, kw_only=True)
class CostRunner:
    """Measures or predicts cost cases, in the order of their size.

    Attributes:
        recorder: Takes the records.
        device: Name of the device, as children are told.
        memory_bytes: Memory of the device.
        command: How to start a child.
        measured: Measured cases so far, by subject and transform.
        exhausted: Why no larger case of a subject can succeed.
    """

    recorder: Recorder
    device: str
    memory_bytes: int
    command: Sequence[str]
    measured: dict[tuple[str, str], list[Measured]] = field(default_factory=dict)
    exhausted: dict[tuple[str, str], str] = field(default_factory=dict)

    def run(self, subject: SubjectInfo, case: Case, settings: Settings) -> Record:
        """Bring one case to its record."""
        record = self.recorder.find(case)
        if record is None:
            counts = _counts(subject, case)
            prediction = self._predict(case, counts["macs_total"])
            obstacle = self._obstacle(case, settings, prediction)
            fields = (
                _predicted_fields(prediction, obstacle)
                if obstacle
                else _with_prediction(self._measure(subject, case, settings), prediction)
            )
            counts["obtained"] |= fields.pop("obtained", {})
            record = self.recorder.write(case, protocol=_PROTOCOL, **counts, **fields)
        self._learn(record)
        return record

    def _predict(self, case: Case, macs: int) -> Prediction | None:
        own = self.measured.get(_key(case), [])
        others = [each for key, many in self.measured.items() if key != _key(case) for each in many]
        return predict_cost(pixels=_pixels(case), macs=macs, own=own, others=others)

    def _obstacle(
        self, case: Case, settings: Settings, prediction: Prediction | None
    ) -> str | None:
        """Return why a case is not to be run; only its own subject's cases can tell."""
        if case.resolution not in settings.measured:
            return f"not run in profile {self.recorder.profile.name}"
        if _key(case) in self.exhausted:
            return f"not run: {self.exhausted[_key(case)]}"
        if prediction is None or not self.measured.get(_key(case)):
            return None
        calls = settings.warmup + settings.expect_samples(prediction.latency_ns)
        seconds = START_SECONDS + calls * prediction.latency_ns / _NS
        if seconds > settings.case_seconds:
            return f"over budget: about {seconds:.0f} s of {settings.case_seconds:g} s"
        allowed = self.recorder.profile.memory_fraction * self.memory_bytes
        if prediction.peak_bytes > allowed:
            need, limit = prediction.peak_bytes / 2**30, allowed / 2**30
            return f"over budget: about {need:.1f} GiB of {limit:.1f} GiB"
        return None

    def _measure(self, subject: SubjectInfo, case: Case, settings: Settings) -> dict[str, Any]:
        fraction = self.recorder.profile.memory_fraction
        job = {
            "job": "cost",
            "subject": subject.source,
            "device": self.device,
            "width": case.width,
            "height": case.height,
            "transform": case.transform,
            "warmup": settings.warmup,
            "samples": settings.samples,
            "sample_seconds": settings.sample_seconds,
            "memory_fraction": fraction,
        }
        budget = Budget(seconds=settings.case_seconds, memory_bytes=int(fraction * host_bytes()))
        answers, outcome = ask_child(job, budget=budget, command=self.command)
        return record_fields(answers, outcome)

    def _learn(self, record: Record) -> None:
        """Keep what a record tells of later cases."""
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
            )
            self.measured.setdefault(_key(case), []).append(known)


def _key(case: Case) -> tuple[str, str]:
    return case.subject, case.transform


def _pixels(case: Case) -> int:
    return (case.width or 0) * (case.height or 0)


def _counts(subject: SubjectInfo, case: Case) -> dict[str, Any]:
    """Return the record fields that are counted and not measured."""
    obtained: dict[str, Obtained] = {
        "num_params": "measured",
        "num_eigenbasis_params": "measured",
        "macs_content": "derived",
        "macs_total": "derived",
    }
    return {
        "num_params": subject.num_params,
        "num_eigenbasis_params": subject.num_eigenbasis_params,
        **subject.macs[case.resolution or ""],
        "obtained": obtained,
    }


def _predicted_fields(prediction: Prediction | None, obstacle: str) -> dict[str, Any]:
    if prediction is None:
        return {"status": "predicted", "reason": f"{obstacle}; nothing measured to predict from"}
    return _with_prediction({"status": "predicted", "reason": obstacle}, prediction)


def _with_prediction(fields: dict[str, Any], prediction: Prediction | None) -> dict[str, Any]:
    """Add what is expected of a case that has no measured figures."""
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
