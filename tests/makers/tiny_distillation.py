"""A distillation of the seeded tiny teacher that takes a second."""

from dataclasses import replace

from pcakd.distillation.config import DistillConfig
from pcakd.distillation.recipe import Recipe
from pcakd.distillation.schedule import Schedule

SCHEDULE = Schedule(steps=6, rate=1e-3, batch=2, crop=32)
RECIPE = Recipe(
    encoder=SCHEDULE,
    autoencoder=replace(SCHEDULE, steps=8),
    stylization=SCHEDULE,
    zoom=(24, 60),
    perceptual="tiny",
    min_r2_share=-100.0,
    max_dead_share=1.0,
    basis_images=4,
    held_out=2,
)


def make_config(data, output, **changes):
    """Return the configuration of a short distillation."""
    fields = {
        "backbone": "tiny", "data": data, "output": output, "recipe": RECIPE, "device": "cpu",
    }  # fmt: skip
    return DistillConfig(**fields | changes)
