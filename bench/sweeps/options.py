"""The options of a trial: those of ``pcakd distill``, as keys with types."""

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import asdict, fields
from pathlib import Path
from typing import Annotated, Any

from pydantic import BeforeValidator, ConfigDict
from pydantic.dataclasses import dataclass

from bench.sweeps.arguments import read_arguments
from pcakd.distillation.config import DistillConfig
from pcakd.distillation.recipe import Recipe
from pcakd.distillation.recipes import change_recipe, create_recipe
from pcakd.errors import ConfigError
from pcakd.students import BlockType

_STRICT = ConfigDict(extra="forbid", strict=True)
_SCHEDULE = ("steps", "rate", "batch", "crop")
_RANK_RULES = ("ranks", "mcev", "explained")
_SETTINGS = ("zoom", "perceptual", "transform", "average", "basis_images", "held_out", "seed")


def _repeat(count: int) -> BeforeValidator:
    """Let one value stand for ``count`` equal ones."""
    return BeforeValidator(
        lambda given: tuple(given) if isinstance(given, list | tuple) else (given,) * count
    )


IntPerPhase = Annotated[tuple[int, int, int], _repeat(3)]
FloatPerPhase = Annotated[tuple[float, float, float], _repeat(3)]
IntPerTap = Annotated[tuple[int, int, int, int], _repeat(4)]
FloatPerTap = Annotated[tuple[float, float, float, float], _repeat(4)]


@dataclass(frozen=True, slots=True, kw_only=True, config=_STRICT)
class RecipeSettings:
    """Numbers of `pcakd.distillation.recipe.Recipe` that are no options of ``pcakd distill``."""

    exposure: float | None = None
    identity_share: float | None = None
    settled_share: float | None = None
    tap_offset: float | None = None
    frozen_share: float | None = None
    min_r2_share: float | None = None
    max_dead_share: float | None = None
    max_attempts: int | None = None
    ridge: float | None = None
    colour_transfer: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True, config=_STRICT)
class Options:
    """Options of ``pcakd distill`` that a trial can set; None keeps the default.

    Options with one value per phase or tap also take a single value for all.
    """

    backbone: str | None = None
    weights: str | None = None
    ranks: IntPerTap | None = None
    mcev: float | None = None
    explained: float | None = None
    architecture: BlockType | None = None
    start: str | None = None
    low_rank: float | None = None
    steps: IntPerPhase | None = None
    rate: FloatPerPhase | None = None
    batch: IntPerPhase | None = None
    crop: IntPerPhase | None = None
    zoom: tuple[int, int] | None = None
    loss_weights: tuple[float, float, float, float, float] | dict[str, float] | None = None
    perceptual: str | None = None
    transform: str | None = None
    average: float | None = None
    basis_images: int | None = None
    held_out: int | None = None
    regularizer: FloatPerTap | None = None
    seed: int | None = None
    set: RecipeSettings = RecipeSettings()


def create_config(options: Options, *, data: Path, output: Path, name: str) -> DistillConfig:
    """Build the configuration of a trial's distillation.

    Raises:
        PcakdError: An option has a bad value.
    """
    if options.backbone is None:
        raise ConfigError("key 'options.backbone' is missing; add it")
    settings = _given(options, _SETTINGS) | _given(options.set)
    recipe = change_recipe(
        create_recipe(options.backbone),
        schedules=_given(options, _SCHEDULE),
        loss_weights=options.loss_weights,
        regularizer=options.regularizer,
        settings=settings,
    )
    return DistillConfig(
        backbone=options.backbone,
        weights=options.weights,
        data=data,
        output=output,
        name=name,
        recipe=recipe,
        **_given(options, (*_RANK_RULES, "architecture", "start", "low_rank")),
    )


def _given(options: Any, names: Sequence[str] | None = None) -> dict[str, Any]:
    """Return the options that have a value."""
    names = names or [field.name for field in fields(options)]
    values = {name: getattr(options, name) for name in names}
    return {name: value for name, value in values.items() if value is not None}


def merge_options(base: Mapping[str, Any], own: Mapping[str, Any]) -> dict[str, Any]:
    """Return the table of a base's options with those of a trial on top."""
    if any(rule in own for rule in _RANK_RULES):
        base = {name: value for name, value in base.items() if name not in _RANK_RULES}
    merged = {**base, **own}
    for name in ("set", "loss_weights"):
        if name in base and isinstance(own.get(name), Mapping):
            merged[name] = {**_by_name(base[name]), **own[name]}
    return merged


def _by_name(given: Mapping[str, Any] | Sequence[float]) -> Mapping[str, Any]:
    """Return settings by name; loss weights in order stand for all of them."""
    if isinstance(given, Mapping):
        return given
    return asdict(change_recipe(Recipe(), loss_weights=given).weights)


def read_shell_options(text: str, *, where: str) -> dict[str, Any]:
    """Read options that a plan before 0.2 has as one string.

    Raises:
        ConfigError: The string cannot be read.
    """
    try:
        return read_arguments(shlex.split(text))
    except (ConfigError, ValueError) as error:
        raise ConfigError(f"{where}: {error}") from error
