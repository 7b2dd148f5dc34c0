"""The table ``[gate]`` of `benchmarks.toml`. No torch."""

from collections.abc import Iterable, Iterator, Mapping, Set
from dataclasses import field, replace
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, Any, Literal, get_args

from pydantic import AfterValidator, BeforeValidator, ConfigDict, Field, model_validator
from pydantic.dataclasses import dataclass

from bench.plan.config import refuse_repeats, refuse_unknown_metric
from bench.plan.validation import read_toml, validate_table
from bench.records.schema import MetricName
from pcakd.errors import ConfigError, UnknownNameError
from pcakd.utils.registry import unknown_name
from pcakd.utils.resolutions import parse_resolution

Kind = Literal["counts", "quality", "memory", "latency", "speedup", "import", "size"]
KINDS: tuple[Kind, ...] = get_args(Kind)
"""What a gate compares, in the order in which it measures."""

_STRICT = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False)

_METRICS: tuple[MetricName, ...] = (
    "sliced_wasserstein", "histogram_correlation", "ssim", "gmsd", "haarpsi",
)  # fmt: skip
"""The default metrics need no weights, and no student was trained on all of them."""

_METRIC_MARGINS: Mapping[MetricName, float] = MappingProxyType(
    {
        "gram": 0.02,
        "bounded_gram": 0.005,
        "alexnet_gram": 0.005,
        "sliced_wasserstein": 0.1,
        "histogram_correlation": 0.01,
        "ssim": 0.005,
        "ms_ssim": 0.005,
        "gmsd": 0.003,
        "haarpsi": 0.005,
        "edge_ssim": 0.005,
        "lpips": 0.005,
        "dists": 0.005,
    }
)

Positive = Annotated[int, Field(ge=1)]
Seconds = Annotated[float, Field(gt=0)]
Margin = Annotated[float, Field(gt=0)]


def _refuse_unknown_kind(name: Any) -> Any:
    if name not in KINDS:
        raise ValueError(str(unknown_name("kind", name, KINDS)))
    return name


def _check_resolution(name: Any) -> Any:
    try:
        parse_resolution(str(name))
    except (UnknownNameError, ConfigError) as error:
        raise ValueError(str(error)) from None
    return name


def _check_ratio(text: Any) -> Any:
    if len(str(text).split()) != 2:
        raise ValueError(f"{text!r} names not two subjects; write 'SLOW FAST'")
    return text


KindName = Annotated[Kind, BeforeValidator(_refuse_unknown_kind)]
ResolutionName = Annotated[str, BeforeValidator(_check_resolution)]
SpeedRatioName = Annotated[str, BeforeValidator(_check_ratio)]
MetricKey = Annotated[MetricName, BeforeValidator(refuse_unknown_metric)]


@dataclass(frozen=True, slots=True, kw_only=True, config=_STRICT)
class Margins:
    """Margins of equivalence: smaller changes count as none.

    Attributes:
        latency: Of the logarithm of head over base; 0.05 is 5 %.
        memory: The same of peak memory.
        speedup: The same of a speed-up below its floor.
        import_time: The same of the import time.
        size: The same of the size of the installed package.
        metrics: Of the mean paired difference of quality metrics, in their units; metrics without
            an entry have a default.
    """

    latency: Margin = 0.05
    memory: Margin = 0.05
    speedup: Margin = 0.05
    import_time: Margin = 0.25
    size: Margin = 0.05
    metrics: Mapping[MetricKey, Margin] = field(default_factory=dict)

    def of_metric(self, name: MetricName) -> float:
        """Return the margin of a quality metric: the given one, or the default."""
        return self.metrics.get(name, _METRIC_MARGINS[name])


@dataclass(frozen=True, slots=True, kw_only=True, config=_STRICT)
class CaseOverride:
    """Settings of some cases; None keeps that of the gate. Later overrides win.

    Attributes:
        subjects: The subjects that it applies to; None is all.
        resolutions: The resolutions that it applies to; None is all.
        kinds: The kinds that it applies to; None is all.
        metrics: The quality metrics that it applies to; None is all, and all other kinds.
        margin: The margin of equivalence.
        case_seconds: Time budget of one answer of a process, in seconds.
        max_launches: Launches after which a case is inconclusive.
        threads: CPU threads of latency, peak memory and speed-ups.
        skip: Whether the cases are left out.
    """

    subjects: tuple[str, ...] | None = None
    resolutions: tuple[ResolutionName, ...] | None = None
    kinds: tuple[KindName, ...] | None = None
    metrics: tuple[MetricKey, ...] | None = None
    margin: Margin | None = None
    case_seconds: Seconds | None = None
    max_launches: Positive | None = None
    threads: Positive | None = None
    skip: bool = False

    def applies_to(
        self, kind: str, subject: str, resolution: str | None, quantity: str | None
    ) -> bool:
        """Return whether the override applies to a case."""
        chosen = (
            (self.kinds, kind),
            (self.subjects, subject),
            (self.resolutions, resolution),
            (self.metrics, quantity),
        )
        return all(names is None or name in names for names, name in chosen)


@dataclass(frozen=True, slots=True, kw_only=True, config=_STRICT)
class GateConfig:
    """What a gate compares, and how.

    Attributes:
        subjects: Names for `bench.subjects.parse_subject`, each with its first transform.
        resolutions: Where latency, peak memory and multiply-adds are compared.
        kinds: What is compared.
        metrics: Quality metrics that are compared where outputs differ.
        pairs: Folder of image pairs, from the root of the repository; None is the shipped ones.
        quality_max_side: Image pairs are reduced to this many pixels a side; 0 keeps their size.
        tolerance: Outputs that differ by at most this, in [0, 1], are equal.
        speedups: Least speed-ups by ``"SLOW FAST"``: FAST is at least this many times as fast.
        speedup_resolution: Where speed-ups are measured.
        package: Module whose import is timed.
        distribution: Name of the installed package whose size is compared.
        margins: Margins of equivalence.
        error: Probability that latency, speed-ups or import times of a gate without any change
            fail it.
        blocks: Timed blocks (base, head, head, base) of a case in a launch.
        warmup: Untimed calls of each side in a launch.
        max_launches: Launches after which a case is inconclusive.
        budget_seconds: Time budget of the gate; open cases are then inconclusive.
        case_seconds: Time budget of one answer of a process.
        memory_fraction: Share of the machine's memory that a process may take.
        threads: CPU threads of the processes; None is torch's default. On a busy machine the
            threads of a call wait for each other.
        overrides: Settings of some cases.
    """

    subjects: Annotated[tuple[str, ...], AfterValidator(refuse_repeats)] = ("mobilenet_v1", "vgg16")
    resolutions: Annotated[tuple[ResolutionName, ...], AfterValidator(refuse_repeats)] = ("HD",)
    kinds: Annotated[tuple[KindName, ...], AfterValidator(refuse_repeats)] = KINDS
    metrics: Annotated[tuple[MetricKey, ...], AfterValidator(refuse_repeats)] = _METRICS
    pairs: str | None = None
    quality_max_side: Annotated[int, Field(ge=0)] = 512
    tolerance: Annotated[float, Field(ge=0)] = 1e-4
    speedups: Mapping[SpeedRatioName, Annotated[float, Field(gt=0)]] = field(default_factory=dict)
    speedup_resolution: ResolutionName = "HD"
    package: str = "pcakd"
    distribution: str = "pca-kd-bench"
    margins: Margins = field(default_factory=Margins)
    error: Annotated[float, Field(gt=0, lt=0.5)] = 0.01
    blocks: Positive = 3
    warmup: Positive = 1
    max_launches: Annotated[int, Field(ge=4)] = 24
    budget_seconds: Seconds = 900.0
    case_seconds: Seconds = 120.0
    memory_fraction: Annotated[float, Field(gt=0, le=1)] = 0.75
    threads: Positive | None = None
    overrides: tuple[CaseOverride, ...] = ()

    @model_validator(mode="after")
    def _check_overrides(self) -> "GateConfig":
        for override in self.overrides:
            known = {*self.subjects, *self.speedups}
            for name in override.subjects or ():
                if name not in known:
                    raise ValueError(str(unknown_name("subject of the gate", name, known)))
        return self


def load_gate(path: Path) -> GateConfig:
    """Read the table ``[gate]``; without it, the default gate.

    Raises:
        ConfigError: The file is missing or is not TOML, or the table has an unknown key (the
            message has the nearest match) or an unfit value.
    """
    table = read_toml(path).get("gate", {})
    if not isinstance(table, dict):
        raise ConfigError(f"{path}: expected a table [gate], got {table!r:.40}")
    return validate_table(table, GateConfig, where=f"{path} [gate]")


def choose_cases(
    config: GateConfig, *, kinds: tuple[str, ...] | None, subjects: tuple[str, ...] | None
) -> GateConfig:
    """Restrict a gate to some kinds and subjects, and to speed-ups of one of these.

    Raises:
        ConfigError: A kind or subject is not known to the gate.
    """
    for name in kinds or ():
        if name not in KINDS:
            raise unknown_name("kind", name, KINDS)
    if kinds is not None:
        config = replace(config, kinds=tuple(each for each in KINDS if each in kinds))
    if subjects is not None:
        chosen = {*subjects}
        speedups = {
            text: floor for text, floor in config.speedups.items() if chosen & {*text.split()}
        }
        config = replace(
            config,
            subjects=tuple(each for each in config.subjects if each in chosen),
            speedups=speedups,
            overrides=tuple(_restrict(config.overrides, {*config.subjects} & chosen | {*speedups})),
        )
    return config


def _restrict(overrides: Iterable[CaseOverride], names: Set[str]) -> Iterator[CaseOverride]:
    """Yield the overrides that apply to some of the subjects, for these alone."""
    for each in overrides:
        if each.subjects is None:
            yield each
        elif own := tuple(name for name in each.subjects if name in names):
            yield replace(each, subjects=own)
