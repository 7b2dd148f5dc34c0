"""The result record: one case, one repeat, one JSON line. Imports no torch."""

import hashlib
import json
import math
import types
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from functools import cache
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

from pcakd.errors import ConfigError

SCHEMA_VERSION = 1

Kind = Literal["cost", "quality", "pair", "stages", "capacity", "curve"]
NO_TRANSFORM = "none"
"""The transform of a subject that has no choice of one."""

Precision = Literal["fp32", "fp16", "bf16"]
Device = Literal["cpu", "cuda", "mps"]
Status = Literal["ok", "oom", "timeout", "error", "predicted", "untrained"]
Obtained = Literal["measured", "derived", "predicted", "published"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """What was measured, where and how: two records with the same case are comparable.

    Attributes:
        kind: ``cost`` (parameters, MACs, latency, memory), ``quality`` (scores of one pair),
            ``pair`` (two subjects timed in turn), ``stages`` (where the time goes), ``capacity``
            (the largest image within a given memory) or ``curve`` (scores of one pair at another
            strength or regularizer).
        subject: The subject's name, as given to ``--subjects``.
        subject_hash: Hash of the subject's weights or definition.
        resolution: Name of a resolution (``HD``), for cost; for capacity that of the largest
            size to try.
        width: Content width in pixels; for capacity that of the largest size to try.
        height: Content height in pixels, likewise.
        pair: Number of the content-style pair (``01``), for quality and a curve.
        pair_hash: Hash of the pair's two files, for quality and a curve.
        transform: ``zca``, ``ot``, ``adain``, or ``none`` for a subject that has no choice.
        precision: Arithmetic of the networks.
        device: Kind of device.
        device_name: Name of the processor that computed.
        threads: CPU threads that torch was given.
        warmup: Untimed calls before the samples.
        samples: Timed calls asked for.
        other: The second subject, for a pair.
        other_hash: Hash of its weights or definition.
        other_transform: Its transform.
        memory_bytes: The memory that is given, for capacity.
        strength: How far the features go from the content's (0) to the transformed ones (1), for
            a curve; None is 1.
        regularizer: Multiple of the subject's own λ (``own_regularizers`` of the record), for a
            curve; None is 1.
    """

    kind: Kind
    subject: str
    subject_hash: str
    resolution: str | None = None
    width: int | None = None
    height: int | None = None
    pair: str | None = None
    pair_hash: str | None = None
    transform: str
    precision: Precision = "fp32"
    device: Device
    device_name: str
    threads: int
    warmup: int = 0
    samples: int = 0
    other: str | None = None
    other_hash: str | None = None
    other_transform: str | None = None
    memory_bytes: int | None = None
    strength: float | None = None
    regularizer: float | None = None


_LATER_FIELDS = (
    "other", "other_hash", "other_transform", "memory_bytes", "strength", "regularizer",
)  # fmt: skip
"""Fields that came after the first records: they bear on a hash only where they are given."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """One line of ``records.jsonl``; a field that does not apply is ``None``.

    Attributes:
        case_hash: `hash_case` of ``case``.
        repeat: Number of a repetition that is pooled with the others of its case; `bench run`
            writes 0 only, and of two records of one repeat the later one counts.
        config: The resolved configuration that the case ran under.
        environment: Versions, processor, operating system (`bench.machine.environment`).
        commit: Git commit of the code, or None outside a repository.
        dirty: Whether the working tree differed from the commit.
        created: UTC time in ISO 8601.
        reason: Why the status is not ``ok``, what a prediction derives from, or why the largest
            image of a capacity is a lower bound (``time budget: …``).
        num_params: Deployed parameters.
        num_eigenbasis_params: Numbers in the eigenbases, which inference does not need.
        macs_content: Multiply-adds of the convolutions on the content path.
        macs_total: Multiply-adds of every counted operator, both images.
        macs_by_operator: ``macs_total`` by operator.
        uncounted: Operators that no handle counts, with their number of calls.
        latency_ns: Raw samples in nanoseconds.
        peak_bytes: Peak of the memory that the case added to its process: weights, both
            images and all that stylizing needs (`bench.profiling.memory`).
        baseline_bytes: What the process held before: interpreter and libraries.
        predicted_latency_ns: Median that is expected, where nothing was measured.
        predicted_peak_bytes: Peak that is expected, where nothing was measured.
        gram: Relative Gram error of output against style; lower is better.
        ssim: SSIM of output against content; higher is better.
        lpips: LPIPS of output against content; lower is better.
        cost_subject: The subject whose cost stands for this one's, which has none of its own: a
            peer that was trained on another encoder than the one that its cost is measured with.
        other_latency_ns: Raw samples of a pair's second subject, taken in turn with the first's.
        stages: Latency (``latency_ns``), multiply-adds (``macs``) and bytes read and written
            (``bytes``) by stage of a stylization; with ``opaque`` (1) where part of a stage's work
            is only named, so that its counts are lower bounds.
        largest_width: Width of the largest image that is stylized within ``case.memory_bytes``.
        largest_height: Its height.
        probes: Every size that was tried, on a CPU once more where it ran out, with ``width``,
            ``height``, ``fits`` (0 or 1; absent where the probe failed for another reason than the
            given memory) and, where it is known, ``peak_bytes``.
        own_regularizers: λ that the subject has of its own at its four taps, for a curve.
        protocol: What each metric or measurement means exactly, by name.
        obtained: How each figure was obtained, by name.
    """

    schema_version: int = SCHEMA_VERSION
    kind: Kind
    case: Case
    case_hash: str
    repeat: int = 0
    config: dict[str, Any] = field(default_factory=dict)
    environment: dict[str, Any] = field(default_factory=dict)
    commit: str | None = None
    dirty: bool | None = None
    created: str
    status: Status
    reason: str | None = None
    num_params: int | None = None
    num_eigenbasis_params: int | None = None
    macs_content: int | None = None
    macs_total: int | None = None
    macs_by_operator: dict[str, int] | None = None
    uncounted: dict[str, int] | None = None
    latency_ns: list[int] | None = None
    peak_bytes: int | None = None
    baseline_bytes: int | None = None
    predicted_latency_ns: int | None = None
    predicted_peak_bytes: int | None = None
    gram: float | None = None
    ssim: float | None = None
    lpips: float | None = None
    cost_subject: str | None = None
    other_latency_ns: list[int] | None = None
    stages: dict[str, dict[str, int]] | None = None
    largest_width: int | None = None
    largest_height: int | None = None
    probes: list[dict[str, int]] | None = None
    own_regularizers: list[float] | None = None
    protocol: dict[str, str] | None = None
    obtained: dict[str, Obtained] = field(default_factory=dict)


def hash_case(case: Case) -> str:
    """Return the SHA-256 of the case as canonical JSON (sorted keys, no spaces)."""
    fields = asdict(case)
    given = {k: v for k, v in fields.items() if v is not None or k not in _LATER_FIELDS}
    return hashlib.sha256(_dump(given, sort_keys=True).encode()).hexdigest()


def encode_record(record: Record) -> str:
    """Write a record as one line of JSON, without its line end.

    Raises:
        ConfigError: A number is not finite, or a value is not JSON.
    """
    return _dump(asdict(record), sort_keys=False)


def decode_record(line: str | bytes) -> Record:
    """Read one line of JSON as a record, checking every field.

    Raises:
        ConfigError: Not JSON, another schema version, a field that is unknown, missing or of the
            wrong type, or a case hash that is not the case's.
    """
    try:
        data = json.loads(line, parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        raise ConfigError(f"not a JSON record ({error}); remove the line") from error
    if not isinstance(data, dict):
        raise ConfigError(f"expected a JSON object, got {type(data).__name__}; remove the line")
    version = data.get("schema_version")
    if version != SCHEMA_VERSION:
        raise ConfigError(
            f"schema_version: expected {SCHEMA_VERSION}, got {version!r}; use another bench version"
        )
    case = data.get("case")
    data["case"] = _build(Case, case if isinstance(case, Mapping) else {}, "case.")
    record: Record = _build(Record, data, "")
    if record.case_hash != hash_case(record.case):
        raise ConfigError("case_hash is not the hash of the case; the line was edited, remove it")
    if record.kind != record.case.kind:
        raise ConfigError(f"kind {record.kind!r} differs from its case's {record.case.kind!r}")
    return record


def _dump(value: object, *, sort_keys: bool) -> str:
    try:
        return json.dumps(
            value, sort_keys=sort_keys, separators=(",", ":"), allow_nan=False, ensure_ascii=True
        )
    except (TypeError, ValueError) as error:
        raise ConfigError(f"cannot write the record as JSON: {error}") from error


def _refuse_constant(name: str) -> float:
    raise ValueError(f"{name} is not a finite number")


@cache
def _types(record: type) -> dict[str, Any]:
    return get_type_hints(record)


def _build(record: type, data: Mapping[str, Any], prefix: str) -> Any:
    known = {each.name for each in fields(record)}
    for name in data:
        if name not in known:
            raise ConfigError(f"field {prefix + name!r} is not known; use a newer bench")
    for name, value in data.items():
        if not fits_type(value, _types(record)[name]):
            expected = str(_types(record)[name]).replace("typing.", "")
            raise ConfigError(f"field {prefix + name!r}: expected {expected}, got {value!r:.60}")
    try:
        return record(**data)
    except TypeError as error:
        raise ConfigError(f"a field is missing: {' '.join(str(error).split())}") from error


def fits_type(value: object, expected: Any) -> bool:
    """Tell whether a value has an annotated type (of the few kinds that records use).

    >>> fits_type(["HD"], list[str]), fits_type(1, bool | None), fits_type(1, float)
    (True, False, True)
    """
    origin, arguments = get_origin(expected), get_args(expected)
    if expected is Any:
        return True
    if origin in (Union, types.UnionType):
        return any(fits_type(value, each) for each in arguments)
    if origin is Literal:
        return isinstance(value, str) and value in arguments
    if origin is tuple:
        return isinstance(value, tuple) and all(fits_type(each, arguments[0]) for each in value)
    if origin is list:
        return isinstance(value, list) and all(fits_type(each, arguments[0]) for each in value)
    if origin is dict:
        return isinstance(value, dict) and all(fits_type(v, arguments[1]) for v in value.values())
    if expected is float:
        return type(value) in (int, float) and math.isfinite(value)  # type: ignore[arg-type]
    return type(value) is expected
