"""The cases of a gate and their results. No torch."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

from bench.gate.config import GateConfig, Kind
from bench.gate.verdicts import REGRESSIONS, VERDICTS, Finding, Verdict

REGRESSION, INCONCLUSIVE, NOTHING_MEASURED = 1, 3, 4
"""Exit statuses; 0 is passed and 2 bad input."""

_NOISY = ("latency", "speedup", "import")


@dataclass(frozen=True, slots=True, kw_only=True)
class GateCase:
    """One comparison.

    Attributes:
        kind: What is compared.
        subject: The subject, the two subjects of a speed-up, the package or the distribution.
        resolution: Name of the size; None where there is none.
        quantity: What of the kind: a count, or a quality metric.
        margin: The margin of equivalence, in the unit of the samples.
        floor: Of a speed-up: the least one.
        seconds: Time budget of an answer of a process.
        max_launches: Launches after which the case is inconclusive.
        threads: CPU threads of a call; None is torch's default.
    """

    kind: Kind | Literal["microbench"]
    subject: str
    resolution: str | None = None
    quantity: str | None = None
    margin: float = 0.0
    floor: float | None = None
    seconds: float = 120.0
    max_launches: int = 24
    threads: int | None = None

    @property
    def name(self) -> str:
        """Return a name: ``latency vgg16 HD``."""
        parts = (self.kind, self.quantity, self.subject, self.resolution)
        return " ".join(part for part in parts if part)


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseResult:
    """What a gate says about a case.

    Attributes:
        case: The case.
        verdict: The verdict.
        reason: Why, where the values do not say it.
        finding: Estimate and interval; None if nothing was measured.
        base: Value of base: a median, a count or a mean; None if it has none.
        head: Value of head.
        base_samples: All measured values of base, for each launch or image pair.
        head_samples: Those of head.
    """

    case: GateCase
    verdict: Verdict
    reason: str | None = None
    finding: Finding | None = None
    base: float | None = None
    head: float | None = None
    base_samples: Sequence[Sequence[float]] = ()
    head_samples: Sequence[Sequence[float]] = ()

    @property
    def is_compared(self) -> bool:
        """Whether both sides were measured, if too rarely for a decision."""
        if self.verdict == "inconclusive":
            return self.finding is not None
        return self.verdict != "not comparable"


@dataclass(frozen=True, slots=True, kw_only=True)
class GateResult:
    """The result of a gate.

    Attributes:
        results: All cases, in the order in which they were planned.
        base: What base is.
        head: What head is.
        seconds: How long the gate took.
        environment: Versions, threads, device and processor.
    """

    results: Sequence[CaseResult]
    base: str
    head: str
    seconds: float = 0.0
    environment: dict[str, object] = field(default_factory=dict)

    @property
    def worst(self) -> CaseResult | None:
        """Return the worst case: by verdict, then by how far it is beyond its margin."""
        return min(self.results, key=_badness, default=None)

    def exit_status(self, *, inconclusive_passes: bool = False) -> int:
        """Return the exit status: 0, or that of a regression, of open cases or of no measurement.

        A gate without a single comparison does not pass, even if inconclusive cases do.
        """
        verdicts = {each.verdict for each in self.results}
        if verdicts & {*REGRESSIONS}:
            return REGRESSION
        if not any(each.is_compared for each in self.results):
            return NOTHING_MEASURED
        if "inconclusive" in verdicts and not inconclusive_passes:
            return INCONCLUSIVE
        return 0


def _badness(result: CaseResult) -> tuple[int, float]:
    finding, margin = result.finding, result.case.margin
    excess = (finding.estimate / margin if margin else finding.estimate) if finding else math.inf
    return VERDICTS.index(result.verdict), -excess


def plan_cases(config: GateConfig) -> list[GateCase]:
    """List the cases of a gate, in the order of its kinds; skipped ones are left out."""
    margins = config.margins
    cases: list[GateCase] = []
    for kind in config.kinds:
        if kind == "counts":
            cases += [
                GateCase(kind=kind, subject=subject, quantity="parameters")
                for subject in config.subjects
            ]
            cases += [
                GateCase(kind=kind, subject=subject, resolution=size, quantity="MACs")
                for subject in config.subjects
                for size in config.resolutions
            ]
        elif kind == "quality":
            cases += [
                GateCase(kind=kind, subject=subject, quantity=name, margin=margins.of_metric(name))
                for subject in config.subjects
                for name in config.metrics
            ]
        elif kind in ("memory", "latency"):
            margin = margins.memory if kind == "memory" else margins.latency
            cases += [
                GateCase(kind=kind, subject=subject, resolution=size, margin=margin)
                for subject in config.subjects
                for size in config.resolutions
            ]
        elif kind == "speedup":
            cases += [
                GateCase(
                    kind=kind,
                    subject=text,
                    resolution=config.speedup_resolution,
                    margin=margins.speedup,
                    floor=floor,
                )
                for text, floor in config.speedups.items()
            ]
        elif kind == "import":
            cases.append(GateCase(kind=kind, subject=config.package, margin=margins.import_time))
        else:
            cases.append(GateCase(kind=kind, subject=config.distribution, margin=margins.size))
    return [each for case in cases if (each := _override(case, config)) is not None]


def count_tests(cases: Iterable[GateCase]) -> int:
    """Return how many cases are judged by a test that can fail by chance."""
    return sum(case.kind in _NOISY for case in cases)


def _override(case: GateCase, config: GateConfig) -> GateCase | None:
    """Apply the settings of the gate, then those of its overrides; None if it is skipped."""
    case = replace(
        case,
        seconds=config.case_seconds,
        max_launches=config.max_launches,
        threads=config.threads,
    )
    for override in config.overrides:
        if not override.applies_to(case.kind, case.subject, case.resolution, case.quantity):
            continue
        if override.skip:
            return None
        exact = case.kind == "counts"  # has no margin
        case = replace(
            case,
            margin=case.margin if override.margin is None or exact else override.margin,
            seconds=override.case_seconds or case.seconds,
            max_launches=override.max_launches or case.max_launches,
            threads=override.threads or case.threads,
        )
    return case
