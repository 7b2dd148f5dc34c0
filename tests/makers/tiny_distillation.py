"""A distillation of the seeded tiny teacher that takes a second; arguments replace fields."""

from dataclasses import replace

import torch

from pcakd.distillation.recipe import Recipe
from pcakd.distillation.run import Request
from pcakd.distillation.schedule import Schedule
from pcakd.eigenbases import RankRule

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


def make_request(data, output, **changes):
    """Return what to distil from the photographs of the folder ``data`` into ``output``."""
    fields = {
        "backbone": "tiny", "weight_set": None, "weights_path": None, "data": data,
        "output": output, "rule": RankRule(ranks=(4, 6, 8, 10)), "recipe": RECIPE,
        "device": torch.device("cpu"), "resume": False,
    }  # fmt: skip
    return Request(**fields | changes)
