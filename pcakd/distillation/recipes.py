"""The default recipe of each backbone, and changes of a recipe."""

from collections.abc import Mapping, Sequence
from dataclasses import fields, replace
from typing import Any

from pcakd.distillation.recipe import Recipe, StylizationWeights
from pcakd.distillation.schedule import Schedule
from pcakd.errors import ConfigError

PHASES = ("encoder", "autoencoder", "stylization")
"""The phases of a student's training, in order."""

NUM_ORDERED = 5
"""So many loss weights can be given in order, without names."""

_SMOKE_STEPS, _SMOKE_CROP = 20, 96
_TINY = Schedule(steps=200, rate=1e-2, batch=4, crop=64)


def create_recipe(backbone: str) -> Recipe:
    """Return the default recipe for students of a backbone."""
    if backbone == "tiny":  # for trials and tests: it needs no weights of another network
        return Recipe(encoder=_TINY, autoencoder=_TINY, stylization=_TINY, perceptual="tiny")
    return Recipe()


def shorten_recipe(recipe: Recipe) -> Recipe:
    """Return a recipe of all phases that takes a minute or two, for trying a set-up."""
    phases = {
        name: replace(getattr(recipe, name), steps=_SMOKE_STEPS, batch=2, crop=_SMOKE_CROP)
        for name in PHASES
    }
    return replace(
        recipe, **phases, zoom=(_SMOKE_CROP, 2 * _SMOKE_CROP), basis_images=16, held_out=4
    )


def change_recipe(
    recipe: Recipe,
    *,
    schedules: Mapping[str, Sequence[float]] | None = None,
    loss_weights: Mapping[str, float] | Sequence[float] | None = None,
    regularizer: Sequence[float] | None = None,
    settings: Mapping[str, Any] | None = None,
) -> Recipe:
    """Return a recipe with some of its settings changed.

    Args:
        recipe: The recipe to start from.
        schedules: Changed fields of `Schedule`, each with values for the three phases.
        loss_weights: Weights of the stylization phase by name, the others stay; or the first five
            of `StylizationWeights`, the others are then 0.
        regularizer: λ of taps 1 to 4.
        settings: Other fields of the recipe.

    Raises:
        ConfigError: A value is out of range, or there are too few or too many.
    """
    changes: dict[str, Any] = dict(settings or {})
    for index, phase in enumerate(PHASES):
        values = {name: each[index] for name, each in (schedules or {}).items()}
        changes[phase] = replace(getattr(recipe, phase), **values)
    if loss_weights is not None:
        changes["weights"] = _change_weights(recipe.weights, loss_weights)
    if regularizer is not None:
        equal = len({*regularizer}) == 1
        changes["regularizer"] = regularizer[0] if equal else tuple(regularizer)
    return replace(recipe, **changes)


def _change_weights(
    weights: StylizationWeights, given: Mapping[str, float] | Sequence[float]
) -> StylizationWeights:
    names = [field.name for field in fields(StylizationWeights)]
    if isinstance(given, Mapping):
        if unknown := [name for name in given if name not in names]:
            raise ConfigError(f"the loss weights are {', '.join(names)}; got {unknown[0]!r}")
        return replace(weights, **given)
    if len(given) != NUM_ORDERED:
        first = ", ".join(names[:NUM_ORDERED])
        raise ConfigError(f"{len(given)} loss weights without names; expected {first}")
    rest = [0.0] * (len(names) - NUM_ORDERED)
    return StylizationWeights(**dict(zip(names, (*given, *rest), strict=True)))
