"""The result record: one case, one repeat, one JSON line. Imports no torch."""

import hashlib
import json
from dataclasses import asdict, dataclass, field
from functools import cache
from typing import TYPE_CHECKING, Any, ClassVar, Literal, get_args

from bench.records.open_fields import check_open_fields
from pcakd.errors import ConfigError

if TYPE_CHECKING:
    from pydantic import TypeAdapter

SCHEMA_VERSION = 1

Kind = Literal["cost", "contention", "quality", "pair", "stages", "capacity", "curve"]
"""Kinds of cases as files have them; ``pair`` is a speed ratio, ``stages`` a time breakdown."""

NO_TRANSFORM = "none"
"""The transform of a subject that has none."""

CHOLESKY = "cholesky"
"""The transform of CAP-VSTNet, which has no other."""

FILTER_SEPARATOR = "|"
"""The sign before a filter that is a part of a subject, in its name."""

NO_FILTER = "no guided filter"
WITH_FILTER = "{} filter as a part of the subject"
"""How protocols name a filter; the second has the place of its name."""

FILTER = "filter"
"""The section of the filter in a time breakdown. It is in no latency of a stylization, but in that
of a subject that ends with a filter."""

MetricName = Literal[
    "gram",
    "ssim",
    "lpips",
    "bounded_gram",
    "alexnet_gram",
    "sliced_wasserstein",
    "histogram_correlation",
    "ms_ssim",
    "gmsd",
    "haarpsi",
    "edge_ssim",
    "dists",
]
"""Fields of records that hold a metric value; `bench.quality.protocol.METRICS` describes them."""

METRIC_NAMES: tuple[MetricName, ...] = get_args(MetricName)

Precision = Literal["fp32", "fp16", "bf16", "int8"]
Device = Literal["cpu", "cuda", "mps"]
Beside = Literal["loops", "torch"]
Status = Literal["ok", "oom", "timeout", "error", "predicted", "untrained"]
Obtained = Literal["measured", "derived", "predicted", "published"]


_STRICT = {"extra": "forbid", "strict": True, "allow_inf_nan": False}
"""How pydantic reads records."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """What was measured, where and how; two records with the same case are comparable.

    Attributes:
        kind: ``cost`` (parameters, MACs, latency, memory), ``contention`` (latency beside other
            programs), ``quality`` (metric values of one image
            pair), ``pair`` (speed ratio: two subjects timed in turn), ``stages`` (time breakdown),
            ``capacity`` (the largest image within a given memory) or ``curve`` (metric values of
            one image pair at another strength or regularizer).
        subject: The subject's name, as given to ``--subjects``.
        subject_hash: Hash of the subject's weights or definition.
        resolution: Name of a resolution (``HD``), for cost; for capacity that of the largest
            size to try.
        width: Content width in pixels; for capacity that of the largest size to try.
        height: Content height in pixels, likewise.
        pair: Name of the image pair (``01``), for quality and a curve.
        pair_hash: Hash of its two files, for quality and a curve.
        transform: ``zca``, ``ot``, ``adain``, ``cholesky``, or ``none`` for a subject without one.
        precision: Arithmetic of the networks.
        device: Kind of device.
        device_name: Name of the processor that computed.
        threads: CPU threads that torch was given.
        warmup: Untimed calls before the samples.
        samples: Timed calls asked for.
        other: The second subject of a speed ratio.
        other_hash: Hash of its weights or definition.
        other_transform: Its transform.
        memory_bytes: The memory that is given, for capacity.
        strength: How far the features go from the content's (0) to the transformed ones (1), for
            a curve; None is 1.
        regularizer: Multiple of the subject's own λ (``own_regularizers`` of the record), for a
            curve; None is 1.
        beside: Other programs that compete for the processor, for a speed ratio: as many endless
            loops as there are threads, or one PyTorch program with as many threads. None is none.
    """

    __pydantic_config__: ClassVar[dict[str, Any]] = _STRICT

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
    beside: Beside | None = None


_LATER_FIELDS = (
    "other", "other_hash", "other_transform", "memory_bytes", "strength", "regularizer", "beside",
)  # fmt: skip
"""Fields that later versions added; they change a hash only where they have a value."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """One line of ``records.jsonl``; a field that does not apply is None.

    Attributes:
        case_hash: `hash_case` of ``case``.
        repeat: Number of a repetition, which is a process of its own. Of two records of one
            repetition the later one counts.
        config: The resolved configuration that the case ran under.
        environment: Versions, processor, operating system (`bench.machine.environment`).
        commit: Git commit of the code, or None outside a repository.
        dirty: Whether the working tree differed from the commit.
        created: UTC time in ISO 8601.
        reason: Why the status is not ``ok``, the basis of a prediction, or why the largest image
            of a capacity is a lower bound (``time budget: …``).
        num_params: Deployed parameters.
        num_eigenbasis_params: Numbers in the eigenbases, which inference does not need.
        macs_content: Multiply-adds of the convolutions on the content path.
        macs_total: Multiply-adds of every counted operator, both images.
        macs_by_operator: ``macs_total`` by operator.
        uncounted: Operators without a MAC formula, with their number of calls.
        latency_ns: Raw samples in nanoseconds.
        machine_state: The machine before and after the samples (`bench.machine.state`), how much
            its calibration changed, and whether that is more than allowed.
        peak_bytes: Peak of the memory that the case added to its process: weights, both
            images and all that stylizing needs (`bench.profiling.memory`).
        baseline_bytes: What the process held before: interpreter and libraries.
        predicted_latency_ns: Expected median, where nothing was measured.
        predicted_peak_bytes: Expected peak, where nothing was measured.
        gram: Relative Gram error of output against style; lower is better.
        ssim: SSIM of output against content; higher is better.
        lpips: LPIPS of output against content; lower is better.
        bounded_gram: Gram distance of output against style in [0, 1], VGG-16; lower is better.
        alexnet_gram: The same through AlexNet; lower is better.
        sliced_wasserstein: Distance of the colours of output and style in CIELAB; lower is better.
        histogram_correlation: Of the colour histograms of output and style, in [-1, 1]; higher is
            better.
        ms_ssim: Multi-scale SSIM of output against content; higher is better.
        gmsd: Gradient magnitude similarity deviation from the content; lower is better.
        haarpsi: Haar wavelet similarity to the content, in [0, 1]; higher is better.
        edge_ssim: SSIM of the gradient magnitudes of output and content; higher is better.
        dists: DISTS of output against content; lower is better.
        trained_metrics: Metrics whose formulas the subject was trained on, for quality and a curve.
        cost_subject: The subject whose cost stands for this one's: this one is a peer trained on
            another encoder than the one with which cost is measured.
        other_latency_ns: Raw samples of a speed ratio's second subject, timed in turn with the
            first.
        stages: The time breakdown: latency (``latency_ns``), multiply-adds (``macs``) and bytes
            read and written (``bytes``) by section of a stylization. A section with uncounted
            operators has ``opaque`` (1); its counts are lower bounds.
        largest_width: Width of the largest image that is stylized within ``case.memory_bytes``.
        largest_height: Its height.
        probes: Every size that was tried (on a CPU twice where it ran out of memory) with
            ``width``, ``height``, ``fits`` (0 or 1; absent if the try failed for another reason
            than the given memory) and, where it is known, ``peak_bytes``.
        own_regularizers: λ of the subject itself at its four taps, for a curve.
        protocol: What each metric or measurement means exactly, by name.
        obtained: How each number was obtained, by name.
    """

    __pydantic_config__: ClassVar[dict[str, Any]] = _STRICT

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
    machine_state: dict[str, Any] | None = None
    peak_bytes: int | None = None
    baseline_bytes: int | None = None
    predicted_latency_ns: int | None = None
    predicted_peak_bytes: int | None = None
    gram: float | None = None
    ssim: float | None = None
    lpips: float | None = None
    bounded_gram: float | None = None
    alexnet_gram: float | None = None
    sliced_wasserstein: float | None = None
    histogram_correlation: float | None = None
    ms_ssim: float | None = None
    gmsd: float | None = None
    haarpsi: float | None = None
    edge_ssim: float | None = None
    dists: float | None = None
    trained_metrics: list[MetricName] | None = None
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
        ConfigError: The line is not JSON, has another schema version, a field that is unknown,
            missing or of the wrong type, a known key of ``config`` or ``environment`` of the wrong
            type, or a case hash that is not the hash of its case.
    """
    from pydantic import ValidationError

    from bench.records.validation import describe_error

    try:
        record = _adapter().validate_json(line)
    except ValidationError as error:
        text = describe_error(error, Record)
        raise ConfigError(f"{text}; remove the line or use the bench that wrote it") from error
    if record.schema_version != SCHEMA_VERSION:
        raise ConfigError(
            f"schema_version: expected {SCHEMA_VERSION}, got {record.schema_version}; use another "
            "bench version"
        )
    if record.case_hash != hash_case(record.case):
        raise ConfigError("case_hash is not the hash of the case; the line was edited, remove it")
    if record.kind != record.case.kind:
        raise ConfigError(f"kind {record.kind!r} differs from its case's {record.case.kind!r}")
    check_open_fields(record.config, record.environment)
    return record


@cache
def _adapter() -> "TypeAdapter[Record]":
    """Return the reader of records, built at the first record."""
    from pydantic import TypeAdapter

    return TypeAdapter(Record)


def _dump(value: object, *, sort_keys: bool) -> str:
    try:
        return json.dumps(
            value, sort_keys=sort_keys, separators=(",", ":"), allow_nan=False, ensure_ascii=True
        )
    except (TypeError, ValueError) as error:
        raise ConfigError(f"cannot write the record as JSON: {error}") from error
