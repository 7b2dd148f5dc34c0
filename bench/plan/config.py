"""`benchmarks.toml` as frozen records; parsing touches nothing else. No torch."""

import math
import os
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import MISSING, dataclass, fields, replace
from difflib import get_close_matches
from pathlib import Path
from typing import Any, TypeVar, get_type_hints

from bench.records.schema import fits_type
from pcakd.errors import ConfigError
from pcakd.utils.registry import unknown_name

CONFIG_NAME = "benchmarks.toml"

LEAST_SAMPLES = 2
"""Timed calls that a limit of their time does not cut off."""

_NS_PER_S = 1e9

R = TypeVar("R")


@dataclass(frozen=True, slots=True, kw_only=True)
class Override:
    """Settings that some subjects or one kind of device have of their own; None leaves a setting.

    Attributes:
        subjects: The subjects it holds for; None is all.
        device: The kind of device it holds for; None is all.
    """

    subjects: tuple[str, ...] | None = None
    device: str | None = None
    measured: tuple[str, ...] | None = None
    warmup: int | None = None
    samples: int | None = None
    sample_seconds: float | None = None
    case_seconds: float | None = None
    paired_rounds: int | None = None

    def holds_for(self, subject: str, device: str) -> bool:
        """Tell whether the override concerns a subject on a kind of device."""
        plain = subject.partition("+")[0]  # a precision inherits its subject's settings
        named = self.subjects is None or subject in self.subjects or plain in self.subjects
        return named and self.device in (None, device)


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """How one subject is measured on one kind of device.

    Attributes:
        measured: Resolutions to run; the profile's other ones are predicted.
        warmup: Untimed calls.
        samples: The most timed calls.
        sample_seconds: No further call is timed once those before it have taken so long together,
            but for the second one; None is without limit.
        case_seconds: Time budget of a case's process, start included.
        paired_rounds: Timed calls of each subject of a paired measurement.
    """

    measured: tuple[str, ...]
    warmup: int
    samples: int
    sample_seconds: float | None
    case_seconds: float
    paired_rounds: int

    def expect_samples(self, latency_ns: float) -> int:
        """Return how many calls will be timed if each takes so long."""
        if self.sample_seconds is None or not latency_ns:
            return self.samples
        enough = math.ceil(self.sample_seconds * _NS_PER_S / latency_ns)
        return min(self.samples, max(enough, LEAST_SAMPLES))


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """One table under ``[profiles]``.

    Attributes:
        name: The table's name.
        subjects: Names for `bench.subjects.parse_subject`.
        resolutions: Names or WIDTHxHEIGHT of the cost cases.
        measured: Those of them to run; the others are predicted.
        transforms: Transforms of the quality cases.
        warmup: Untimed calls.
        samples: The most timed calls.
        sample_seconds: No further call is timed once those before it have taken so long together,
            but for the second one; None is without limit. Rounds of a pair are always all taken.
        case_seconds: Time budget of a case's process, and of each quality figure.
        memory_fraction: Share of the device's memory that a case may take.
        quality_max_side: Pairs are made smaller to this many pixels for quality; 0 is native size.
        paired: Paired speed measurements, each as two of the subjects with a space between.
        paired_resolution: Name or WIDTHxHEIGHT of their size.
        paired_rounds: Timed calls of each of the two, in turn.
        capacity_gib: The memory in GiB within which the largest image of each subject is searched;
            0 leaves the search out.
        stages: Those of the resolutions at which to tell where the time goes.
        curve_strengths: Strengths in [0, 1] at which trained students are scored on each pair for
            their curve of style against content; 1 is how they are scored for quality.
        curve_regularizers: Multiples of each student's own λ at which they are scored too, at
            strength 1. The multiple 1 is the strength 1 again, and is scored once.
        overrides: Settings of some subjects or devices; later ones win.
    """

    name: str
    subjects: tuple[str, ...]
    resolutions: tuple[str, ...]
    measured: tuple[str, ...]
    transforms: tuple[str, ...]
    warmup: int
    samples: int
    case_seconds: float
    memory_fraction: float
    quality_max_side: int
    sample_seconds: float | None = None
    paired: tuple[str, ...] = ()
    paired_resolution: str = "HD"
    paired_rounds: int = 6
    capacity_gib: float = 0.0
    stages: tuple[str, ...] = ()
    curve_strengths: tuple[float, ...] = ()
    curve_regularizers: tuple[float, ...] = ()
    overrides: tuple[Override, ...] = ()

    def __post_init__(self) -> None:
        """Check the numbers.

        Raises:
            ConfigError: A number is out of its range.
        """
        where = f"profile {self.name!r}"
        if self.samples < 1 or self.warmup < 0 or self.quality_max_side < 0:
            raise ConfigError(f"{where}: samples must be ≥ 1, warmup and quality_max_side ≥ 0")
        if not 0 < self.memory_fraction <= 1 or self.case_seconds <= 0:
            raise ConfigError(f"{where}: memory_fraction must be in (0, 1], case_seconds > 0")
        if self.paired_rounds < 1:
            raise ConfigError(f"{where}: paired_rounds must be ≥ 1")
        limits = [self.sample_seconds, *(each.sample_seconds for each in self.overrides)]
        for seconds in limits:
            if seconds is not None and seconds <= 0:
                raise ConfigError(
                    f"{where}: sample_seconds must be > 0 (left out, there is no limit)"
                )
        for text in self.paired:
            self._check_pair(text, where)
        if self.capacity_gib < 0:
            raise ConfigError(f"{where}: capacity_gib must be ≥ 0 (0 leaves it out)")
        self._check_curve(where)
        for name in self.stages:
            if name not in self.resolutions:
                known = ", ".join(self.resolutions)
                raise ConfigError(
                    f"{where}: stages has {name!r}; use those of resolutions: {known}"
                )

    def _check_curve(self, where: str) -> None:
        for key in ("curve_strengths", "curve_regularizers"):
            values = getattr(self, key)
            if len(set(values)) < len(values):
                raise ConfigError(f"{where}: {key} holds a number twice; drop one")
        if not all(0 <= each <= 1 for each in self.curve_strengths):
            raise ConfigError(f"{where}: curve_strengths must lie in [0, 1]")
        if not all(each > 0 for each in self.curve_regularizers):
            raise ConfigError(f"{where}: curve_regularizers must be > 0, they are multiples of λ")

    def _check_pair(self, text: str, where: str) -> None:
        if len(text.split()) != 2:
            raise ConfigError(f"{where}: paired holds {text!r}; write two subjects: 'A B'")
        for name in text.split():
            if name not in self.subjects:
                raise ConfigError(
                    f"{where}: paired names {name!r}, which is not one of the profile's subjects; "
                    "add it there or drop the pair"
                )
        if self.paired.count(text) > 1:
            raise ConfigError(f"{where}: paired holds {text!r} twice; drop one")

    def settings(self, subject: str, device: str) -> Settings:
        """Return what holds for a subject on a kind of device, overrides applied in order."""
        settings = Settings(**{each.name: getattr(self, each.name) for each in fields(Settings)})
        for override in self.overrides:
            if override.holds_for(subject, device):
                settings = replace(settings, **_given(override))
        return settings


def load_profile(path: str | os.PathLike[str], name: str) -> Profile:
    """Read one profile of a configuration file.

    Raises:
        ConfigError: The file is missing, not TOML, or has an unknown, missing or unfit key.
        UnknownNameError: It has no such profile.
    """
    profiles = parse_config(_read_toml(Path(path)), where=str(path))
    if name not in profiles:
        raise unknown_name("profile", name, profiles)
    return profiles[name]


def parse_config(data: Mapping[str, Any], *, where: str = CONFIG_NAME) -> dict[str, Profile]:
    """Read the profiles of a parsed configuration file.

    Raises:
        ConfigError: A key is unknown (the message has the nearest match), missing or unfit.
    """
    _refuse_unknown(data, ["profiles"], where)
    tables = data.get("profiles")
    if not isinstance(tables, dict) or not tables:
        raise ConfigError(f"{where}: expected tables [profiles.NAME], got none")
    return {
        name: _profile(name, table, f"{where} [profiles.{name}]") for name, table in tables.items()
    }


def _read_toml(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ConfigError(
            f"{path} does not exist; run in the folder that holds it, or name it with --config"
        ) from None
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ConfigError(f"cannot read {path}: {error}; correct it") from error


def _profile(name: str, table: object, where: str) -> Profile:
    values = _table(table, where)
    overrides = values.pop("overrides", ())
    if not isinstance(overrides, tuple):
        raise ConfigError(f"{where}: overrides must be tables [[profiles.{name}.overrides]]")
    values["overrides"] = tuple(
        _record(Override, _table(each, f"{where} overrides"), f"{where} overrides")
        for each in overrides
    )
    if "name" in values:
        raise ConfigError(f"{where}: key 'name' is not known; the table's name is the name")
    return _record(Profile, {"name": name, **values}, where)


def _table(value: object, where: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise ConfigError(f"{where}: expected a table, got {value!r:.40}")
    return {key: tuple(each) if isinstance(each, list) else each for key, each in value.items()}


def _record(record: type[R], values: dict[str, Any], where: str) -> R:
    known = {each.name: each for each in fields(record)}  # type: ignore[arg-type]
    _refuse_unknown(values, known, where)
    types = get_type_hints(record)
    for key, value in values.items():
        if not fits_type(value, types[key]):
            wanted = getattr(types[key], "__name__", str(types[key]))
            raise ConfigError(f"{where}: key {key!r} must be {wanted}, got {value!r:.60}")
    for key, each in known.items():
        if key not in values and each.default is MISSING:
            raise ConfigError(f"{where}: key {key!r} is missing; add it")
    return record(**values)


def _refuse_unknown(values: Iterable[str], known: Iterable[str], where: str) -> None:
    names = list(known)
    for key in values:
        if key not in names:
            near = get_close_matches(key, names, n=1)
            hint = f"did you mean {near[0]!r}?" if near else f"Known: {', '.join(sorted(names))}"
            raise ConfigError(f"{where}: key {key!r} is not known; {hint}")


def _given(override: Override) -> dict[str, Any]:
    values = {each.name: getattr(override, each.name) for each in fields(Settings)}
    return {name: value for name, value in values.items() if value is not None}
