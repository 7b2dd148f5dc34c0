"""`benchmarks.toml`: the benchmark profiles, as frozen records."""

import re
from collections.abc import Hashable, Sequence
from dataclasses import replace
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Any, TypeVar

from pydantic import AfterValidator, BeforeValidator, ConfigDict, Field, model_validator
from pydantic.dataclasses import dataclass

from bench.plan.settings import CaseSettings
from bench.plan.validation import read_toml, validate_table
from bench.records.schema import METRIC_NAMES, MetricName
from bench.records.validation import suggest_key
from pcakd.errors import ConfigError
from pcakd.utils.deprecation import warn_renamed_keys
from pcakd.utils.registry import unknown_name

CONFIG_NAME = "benchmarks.toml"

_TABLES = ("profiles", "metrics", "gate")

_RENAMED_KEYS = {
    "paired": "speed_ratios",
    "paired_resolution": "ratio_resolution",
    "paired_rounds": "ratio_rounds",
    "stages": "breakdown_resolutions",
}
"""Keys of version 0.1; they are accepted for one release."""

_STRICT = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False)

T = TypeVar("T", bound=Hashable)


def refuse_repeats(values: tuple[T, ...]) -> tuple[T, ...]:
    """Refuse a value that is given twice, as a validator."""
    for value in values:
        if values.count(value) > 1:
            raise ValueError(f"{value!r} is given twice; drop one")
    return values


NonNegative = Annotated[int, Field(ge=0)]
Positive = Annotated[int, Field(ge=1)]
Seconds = Annotated[float, Field(gt=0)]
Strength = Annotated[float, Field(ge=0, le=1)]
Regularizer = Annotated[float, Field(gt=0)]


def refuse_unknown_metric(name: Any) -> Any:
    """Refuse a name that is no quality metric, as a validator."""
    if name not in METRIC_NAMES:
        raise ValueError(str(unknown_name("metric", name, METRIC_NAMES)))
    return name


@dataclass(frozen=True, slots=True, kw_only=True, config=_STRICT)
class MetricChoice:
    """The table ``[metrics]``.

    Attributes:
        measured: The quality metrics that are measured on every image pair.
    """

    measured: Annotated[
        tuple[Annotated[MetricName, BeforeValidator(refuse_unknown_metric)], ...],
        Field(min_length=1),
        AfterValidator(refuse_repeats),
    ] = METRIC_NAMES


@dataclass(frozen=True, slots=True, kw_only=True, config=_STRICT)
class Override:
    """Settings of some subjects or of one kind of device; None keeps the profile's setting.

    Attributes:
        subjects: The subjects that it applies to; None is all.
        device: The kind of device that it applies to; None is all.
    """

    subjects: tuple[str, ...] | None = None
    device: str | None = None
    measured: tuple[str, ...] | None = None
    warmup: NonNegative | None = None
    samples: Positive | None = None
    sample_seconds: Seconds | None = None
    case_seconds: Seconds | None = None
    ratio_rounds: Positive | None = None
    processes: Positive | None = None
    contention_resolutions: tuple[str, ...] | None = None

    def applies_to(self, subject: str, device: str) -> bool:
        """Return whether the override applies to a subject on a kind of device."""
        plain = re.split(r"[+>|]", subject)[0]  # "vgg16+fp16" has the settings of "vgg16"
        named = self.subjects is None or subject in self.subjects or plain in self.subjects
        return named and self.device in (None, device)

    def values(self) -> dict[str, Any]:
        """Return the settings that it replaces."""
        names = (
            "measured", "warmup", "samples", "sample_seconds", "case_seconds", "ratio_rounds",
            "processes", "contention_resolutions",
        )  # fmt: skip
        given = {name: getattr(self, name) for name in names}
        return {name: value for name, value in given.items() if value is not None}


@dataclass(frozen=True, slots=True, kw_only=True, config=_STRICT)
class BenchmarkProfile:
    """One table under ``[profiles]``.

    Attributes:
        name: The table's name.
        subjects: Names for `bench.subjects.parse_subject`.
        resolutions: Names or WIDTHxHEIGHT of the cost cases.
        measured: Those of the resolutions to measure; the others are predicted.
        transforms: Transforms of the quality cases.
        warmup: Untimed calls.
        samples: The most timed calls of a process.
        processes: Processes that time each cost case, in rounds over all cases.
        case_seconds: Time budget in seconds of a case's process, and of each quality case.
        memory_fraction: Share of the device's memory that a case may take, in (0, 1].
        quality_max_side: Image pairs are reduced to this many pixels a side before they are scored;
            0 keeps their size.
        sample_seconds: No further call is timed once the calls so far took this many seconds, but
            two are timed in any case; None sets no limit. Speed ratios take all their rounds.
        speed_ratios: Pairs of subjects to time in turn, each as ``"A B"``.
        ratio_resolution: Name or WIDTHxHEIGHT of the images of the speed ratios.
        ratio_rounds: Timed calls of each of the two subjects.
        capacity_gib: Memory in GiB within which the largest image of each subject is searched;
            0 is no search.
        contention_resolutions: Those of the resolutions at which latency is measured on a busy
            machine, too.
        breakdown_resolutions: Those of the resolutions at which the time breakdown is measured.
        curve_strengths: Strengths in [0, 1] at which trained students are scored on each image pair
            for their trade-off curve; 1 is the strength of the quality cases.
        curve_regularizers: Multiples of each student's own λ at which it is scored too, at
            strength 1. The multiple 1 equals the strength 1 and is scored once.
        overrides: Settings of some subjects or devices; later ones win.
        metrics: The quality metrics that are measured: those of the table ``[metrics]``.
    """

    name: str
    subjects: tuple[str, ...]
    resolutions: tuple[str, ...]
    measured: tuple[str, ...]
    transforms: tuple[str, ...]
    warmup: NonNegative
    samples: Positive
    case_seconds: Seconds
    memory_fraction: Annotated[float, Field(gt=0, le=1)]
    quality_max_side: NonNegative
    sample_seconds: Seconds | None = None
    processes: Positive = 1
    speed_ratios: Annotated[tuple[str, ...], AfterValidator(refuse_repeats)] = ()
    ratio_resolution: str = "HD"
    ratio_rounds: Positive = 6
    capacity_gib: Annotated[float, Field(ge=0)] = 0.0
    contention_resolutions: tuple[str, ...] = ()
    breakdown_resolutions: tuple[str, ...] = ()
    curve_strengths: Annotated[tuple[Strength, ...], AfterValidator(refuse_repeats)] = ()
    curve_regularizers: Annotated[tuple[Regularizer, ...], AfterValidator(refuse_repeats)] = ()
    overrides: tuple[Override, ...] = ()
    metrics: tuple[MetricName, ...] = METRIC_NAMES

    @model_validator(mode="after")
    def _check_names(self) -> "BenchmarkProfile":
        for text in self.speed_ratios:
            _check_ratio(text, self.subjects)
        chosen = [
            ("contention_resolutions", self.contention_resolutions),
            ("breakdown_resolutions", self.breakdown_resolutions),
            *(("contention_resolutions", o.contention_resolutions or ()) for o in self.overrides),
        ]
        for key, names in chosen:
            for name in names:
                if name not in self.resolutions:
                    known = ", ".join(self.resolutions)
                    raise ValueError(f"{key} has {name!r}; use those of resolutions: {known}")
        return self

    def settings(self, subject: str, device: str) -> CaseSettings:
        """Return the settings of a subject on a kind of device, overrides applied in order."""
        values: dict[str, Any] = {
            "measured": self.measured,
            "warmup": self.warmup,
            "samples": self.samples,
            "sample_seconds": self.sample_seconds,
            "case_seconds": self.case_seconds,
            "ratio_rounds": self.ratio_rounds,
            "processes": self.processes,
            "contention_resolutions": self.contention_resolutions,
        }
        for override in self.overrides:
            if override.applies_to(subject, device):
                values |= override.values()
        return CaseSettings(
            profile=self.name,
            memory_fraction=self.memory_fraction,
            quality_max_side=self.quality_max_side,
            capacity_gib=self.capacity_gib,
            metrics=self.metrics,
            **values,
        )


def find_config(chosen: Path | None = None, *, root: Path | None = None) -> Path:
    """Return the configuration file to read.

    Args:
        chosen: The file of ``--config``. Without one, ``benchmarks.toml`` of the current folder is
            read if it exists, and otherwise the one that comes with the package.
        root: A folder whose ``benchmarks.toml`` is read before that of the package.
    """
    if chosen is not None:
        return chosen
    places = [Path(CONFIG_NAME), *([root / CONFIG_NAME] if root else [])]
    return next((path for path in places if path.exists()), None) or _packaged_config()


def load_profile(path: Path, name: str) -> BenchmarkProfile:
    """Read one benchmark profile of a configuration file.

    Raises:
        ConfigError: The file is missing, is not TOML, or has a key that is unknown, missing or has
            an unfit value.
        UnknownNameError: It has no such profile.
    """
    profiles = parse_config(read_toml(path), where=str(path))
    if name not in profiles:
        raise unknown_name("profile", name, profiles)
    return profiles[name]


def load_metrics(path: Path) -> tuple[MetricName, ...]:
    """Read the quality metrics that a configuration file chooses; all without ``[metrics]``.

    Raises:
        ConfigError: The file is missing, is not TOML, or its table ``[metrics]`` has an unknown key
            or metric; the message has the nearest match.
    """
    return _read_metrics(read_toml(path), where=str(path))


def parse_config(data: dict[str, Any], *, where: str = CONFIG_NAME) -> dict[str, BenchmarkProfile]:
    """Read the benchmark profiles of a parsed configuration file.

    Raises:
        ConfigError: A key is unknown (the message has the nearest match), missing or unfit.
    """
    for key in data:
        if key not in _TABLES:
            raise ConfigError(f"{where}: key {key!r} is not known; {suggest_key(key, _TABLES)}")
    metrics = _read_metrics(data, where=where)
    tables = data.get("profiles")
    if not isinstance(tables, dict) or not tables:
        raise ConfigError(f"{where}: expected tables [profiles.NAME], got none")
    old_keys: set[str] = set()
    profiles = {
        name: replace(
            _read_profile(name, table, f"{where} [profiles.{name}]", old_keys), metrics=metrics
        )
        for name, table in tables.items()
    }
    if old_keys:
        warn_renamed_keys(where, {old: _RENAMED_KEYS[old] for old in sorted(old_keys)})
    return profiles


def _read_profile(name: str, table: object, where: str, old_keys: set[str]) -> BenchmarkProfile:
    """Read a profile, and add its keys of version 0.1 to ``old_keys``."""
    if not isinstance(table, dict):
        raise ConfigError(f"{where}: expected a table, got {table!r:.40}")
    if "name" in table:
        raise ConfigError(f"{where}: key 'name' is not known; the table's name is the name")
    if "metrics" in table:
        raise ConfigError(f"{where}: key 'metrics' is not known; the table [metrics] chooses them")
    values = {"name": name, **_rename_keys(table, where, old_keys)}
    overrides = values.get("overrides")
    if isinstance(overrides, list):
        values["overrides"] = [
            _rename_keys(each, where, old_keys) if isinstance(each, dict) else each
            for each in overrides
        ]
    return validate_table(values, BenchmarkProfile, where=where)


def _read_metrics(data: dict[str, Any], *, where: str) -> tuple[MetricName, ...]:
    table = data.get("metrics", {})
    if not isinstance(table, dict):
        raise ConfigError(f"{where}: expected a table [metrics], got {table!r:.40}")
    return validate_table(table, MetricChoice, where=f"{where} [metrics]").measured


def _rename_keys(table: dict[str, Any], where: str, old_keys: set[str]) -> dict[str, Any]:
    """Replace the keys of version 0.1, and add them to ``old_keys``."""
    renamed = {}
    for key, value in table.items():
        name = _RENAMED_KEYS.get(key, key)
        if name != key:
            old_keys.add(key)
            if name in table:
                raise ConfigError(f"{where}: keys {key!r} and {name!r} are the same; drop {key!r}")
        renamed[name] = value
    return renamed


def _check_ratio(text: str, subjects: Sequence[str]) -> None:
    if len(text.split()) != 2:
        raise ValueError(f"speed_ratios holds {text!r}; write two subjects: 'A B'")
    for name in text.split():
        if name not in subjects:
            raise ValueError(
                f"speed_ratios names {name!r}, which is not one of the profile's subjects; "
                "add it there or drop the speed ratio"
            )


def _packaged_config() -> Path:
    """Return the file that a wheel installs beside this module, or that of a source checkout."""
    installed = Path(str(files("bench.plan") / CONFIG_NAME))
    return installed if installed.exists() else Path(str(files("bench"))).parent / CONFIG_NAME
