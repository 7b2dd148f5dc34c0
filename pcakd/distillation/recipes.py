"""The recipes that students of each backbone are distilled by, unless options say otherwise."""

from pcakd.distillation.recipe import Recipe
from pcakd.distillation.schedule import Schedule

_TINY = Schedule(steps=200, rate=1e-2, batch=4, crop=64)


def create_recipe(backbone: str) -> Recipe:
    """Return the recipe of a backbone's students."""
    if backbone == "tiny":  # for trials and tests: no weights but its own
        return Recipe(encoder=_TINY, autoencoder=_TINY, stylization=_TINY, perceptual="tiny")
    return Recipe()
