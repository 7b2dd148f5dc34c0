"""What a run consists of: subjects by resolutions, and by transforms and pairs. No torch."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from bench.plan.config import Profile, Settings
from bench.plan.image_pairs import ImagePair
from bench.records.schema import Case, Device, Kind, Precision
from pcakd.errors import ConfigError
from pcakd.utils.registry import unknown_name

_SIZES = {
    "HD": (1280, 720),
    "FHD": (1920, 1080),
    "QHD": (2560, 1440),
    "4K": (3840, 2160),
    "5K": (5120, 2880),
    "8K": (7680, 4320),
}
_MIN_SIDE = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class Resolution:
    """An image size with its name; sizes are in pixels."""

    name: str
    width: int
    height: int

    @property
    def pixels(self) -> int:
        """Width times height."""
        return self.width * self.height


@dataclass(frozen=True, slots=True, kw_only=True)
class SubjectInfo:
    """What the runner knows of a subject without importing torch.

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
        cost_subject: The subject whose cost stands for this one's, which is then not measured.
        regularizers: λ of a trained student at its four taps; None is a subject that has no curve.
        history: File of the losses of its training, if there is one.
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
    history: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    """Where a run computes, as cases tell it."""

    device: Device
    device_name: str
    threads: int


def parse_resolution(text: str) -> Resolution:
    """Read the name of a resolution, or a size such as ``640x480``.

    Raises:
        UnknownNameError: Neither.
        ConfigError: The size is below 16 pixels.

    >>> parse_resolution("HD")
    Resolution(name='HD', width=1280, height=720)
    """
    if text in _SIZES:
        width, height = _SIZES[text]
        return Resolution(name=text, width=width, height=height)
    match = re.fullmatch(r"(\d{1,6})x(\d{1,6})", text)
    if not match:
        raise unknown_name("resolution", text, [*_SIZES, "WIDTHxHEIGHT"])
    width, height = int(match[1]), int(match[2])
    if min(width, height) < _MIN_SIDE:
        raise ConfigError(f"resolution {text!r} is too small; use {_MIN_SIDE} pixels or more")
    return Resolution(name=text, width=width, height=height)


def list_resolutions() -> tuple[Resolution, ...]:
    """List the resolutions that have names, the smallest first."""
    return tuple(parse_resolution(name) for name in _SIZES)


def require_cost(subject: SubjectInfo) -> None:
    """Refuse a subject at whose cost another one stands.

    Raises:
        ConfigError: It is one, a peer trained on another encoder.
    """
    if subject.cost_subject is not None:
        raise ConfigError(
            f"{subject.name} has scores of its own and the cost of {subject.cost_subject}; "
            f"name {subject.cost_subject}"
        )


def plan_cost(
    profile: Profile, subject: SubjectInfo, machine: Machine
) -> list[tuple[Case, Settings]]:
    """List the cost cases of a subject, the smallest first, as predictions grow from them."""
    if subject.cost_subject is not None:
        return []
    settings = profile.settings(subject.name, machine.device)
    resolutions = [parse_resolution(name) for name in profile.resolutions]
    return [
        (_cost_case(subject, machine, resolution, settings), settings)
        for resolution in sorted(resolutions, key=lambda each: each.pixels)
    ]


def plan_stages(
    profile: Profile, subject: SubjectInfo, machine: Machine
) -> list[tuple[Case, Settings]]:
    """List the cases that tell where a subject's time goes, the smallest first."""
    if subject.cost_subject is not None:
        return []
    settings = profile.settings(subject.name, machine.device)
    resolutions = [parse_resolution(name) for name in profile.stages]
    return [
        (_cost_case(subject, machine, resolution, settings, kind="stages"), settings)
        for resolution in sorted(resolutions, key=lambda each: each.pixels)
    ]


def plan_quality(
    profile: Profile, subject: SubjectInfo, machine: Machine, pairs: Sequence[ImagePair]
) -> list[Case]:
    """List the quality cases of a subject, pair by pair.

    A subject that has only some of the profile's transforms (a colour transfer has one of its own,
    ``vgg16@ot`` is pinned to one) is scored with those. An untrained subject has one case without
    a pair, which says so.
    """
    transforms = [name for name in subject.transforms if name in profile.transforms]
    chosen = transforms or list(subject.transforms[:1])
    if not subject.has_quality:
        return [_quality_case(subject, machine, chosen[0], None)]
    return [_quality_case(subject, machine, each, pair) for pair in pairs for each in chosen]


def plan_curve(
    profile: Profile, subject: SubjectInfo, machine: Machine, pairs: Sequence[ImagePair]
) -> list[Case]:
    """List the cases of a student's curve of style against content, pair by pair.

    Other subjects have none. A student whose λ is 0 has strengths only.
    """
    if subject.regularizers is None:
        return []
    strengths = [float(each) for each in profile.curve_strengths]
    multiples = [float(each) for each in profile.curve_regularizers if any(subject.regularizers)]
    if 1.0 in strengths:  # one stylization has one case
        multiples = [each for each in multiples if each != 1.0]
    places: list[dict[str, float]] = [{"strength": each} for each in strengths]
    places += [{"regularizer": each} for each in multiples]
    transform = subject.transforms[0]
    return [
        replace(_quality_case(subject, machine, transform, pair), kind="curve", **place)  # type: ignore[arg-type]
        for pair in pairs
        for place in places
    ]


def plan_capacity(
    subject: SubjectInfo, machine: Machine, *, memory_bytes: int, largest: Resolution
) -> Case:
    """Return the case of the largest image of a subject, up to a resolution, within a memory."""
    return Case(
        kind="capacity",
        subject=subject.name,
        subject_hash=subject.hash,
        resolution=largest.name,
        width=largest.width,
        height=largest.height,
        transform=subject.transforms[0],
        precision=subject.precision,
        device=machine.device,
        device_name=machine.device_name,
        threads=machine.threads,
        samples=1,
        memory_bytes=memory_bytes,
    )


def _cost_case(
    subject: SubjectInfo,
    machine: Machine,
    resolution: Resolution,
    settings: Settings,
    *,
    kind: Kind = "cost",
) -> Case:
    return Case(
        kind=kind,
        subject=subject.name,
        subject_hash=subject.hash,
        resolution=resolution.name,
        width=resolution.width,
        height=resolution.height,
        transform=subject.transforms[0],
        precision=subject.precision,
        device=machine.device,
        device_name=machine.device_name,
        threads=machine.threads,
        warmup=settings.warmup,
        samples=settings.samples,
    )


def _quality_case(
    subject: SubjectInfo, machine: Machine, transform: str, pair: ImagePair | None
) -> Case:
    return Case(
        kind="quality",
        subject=subject.name,
        subject_hash=subject.hash,
        width=pair.width if pair else None,
        height=pair.height if pair else None,
        pair=pair.name if pair else None,
        pair_hash=pair.hash if pair else None,
        transform=transform,
        precision=subject.precision,
        device=machine.device,
        device_name=machine.device_name,
        threads=machine.threads,
    )
