"""What cases are made of: a subject, a machine, an image pair and settings. No torch."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from bench.plan.image_pairs import ImagePair
from bench.plan.settings import CaseSettings
from bench.records.identity import Machine
from bench.records.schema import Case, Kind, MetricName, Precision
from pcakd.errors import ConfigError


@dataclass(frozen=True, slots=True, kw_only=True)
class SubjectInfo:
    """What a run knows of a subject without importing torch.

    Attributes:
        name: As given to ``--subjects``, or the stem of a student file.
        source: What `bench.subjects.parse_subject` made it from.
        hash: Of its weights or definition.
        transforms: The transforms it can run; the first is that of its cost cases.
        precision: Arithmetic of its networks.
        has_quality: False for untrained networks.
        num_params: Deployed parameters.
        num_eigenbasis_params: Numbers in its eigenbases.
        macs: Record fields of its multiply-adds, by name of resolution.
        cost_subject: The subject whose cost is also this one's, which is then not measured.
        regularizers: λ of a trained student at its four taps; None for a subject without a curve.
        trained_metrics: Metrics whose formulas it was trained on.
        history: File with the losses of its training, if there is one.
    """

    name: str
    source: str
    hash: str
    transforms: tuple[str, ...]
    precision: Precision
    has_quality: bool
    num_params: int
    num_eigenbasis_params: int
    macs: Mapping[str, Mapping[str, Any]]
    cost_subject: str | None = None
    regularizers: list[float] | None = None
    trained_metrics: list[MetricName] = field(default_factory=list)
    history: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedCase:
    """A case and what it takes to run it.

    Attributes:
        case: What is measured.
        subject: The subject of the case.
        settings: How it is measured; they go into the record.
        seconds: Time budget of its process.
        other: The second subject of a speed ratio.
        pair: The image pair of a quality or curve case.
        repeat: Which repetition of the case this is, from 0; each has a process of its own.
    """

    case: Case
    subject: SubjectInfo
    settings: CaseSettings
    seconds: float
    other: SubjectInfo | None = None
    pair: ImagePair | None = None
    repeat: int = 0


def in_rounds(cases: Sequence[PlannedCase]) -> list[PlannedCase]:
    """List each case once for each of its processes: a round over all cases, then the next."""
    rounds = max((planned.settings.processes for planned in cases), default=0)
    return [
        replace(planned, repeat=number)
        for number in range(rounds)
        for planned in cases
        if number < planned.settings.processes
    ]


def create_case(kind: Kind, subject: SubjectInfo, machine: Machine, **fields: Any) -> Case:
    """Return a case of a subject on a machine.

    Args:
        kind: The kind of case.
        subject: The subject; the case has its first transform unless ``fields`` has another.
        machine: Where it computes.
        fields: Further fields of `bench.records.schema.Case`.
    """
    common: dict[str, Any] = {
        "subject": subject.name,
        "subject_hash": subject.hash,
        "transform": subject.transforms[0],
        "precision": subject.precision,
        **machine._asdict(),
    }
    return Case(kind=kind, **common | fields)


def require_cost(subject: SubjectInfo) -> None:
    """Refuse a subject whose cost is not measured.

    Raises:
        ConfigError: It is a peer trained on another encoder, whose cost is that of another subject.
    """
    if subject.cost_subject is not None:
        raise ConfigError(
            f"{subject.name} has the cost of {subject.cost_subject}, only its quality differs; "
            f"name {subject.cost_subject}"
        )
