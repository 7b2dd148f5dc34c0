"""A short distillation of the tiny teacher, alone or under ``torchrun``: PHOTOS OUTPUT."""

import os
import sys
from pathlib import Path

import torch

from pcakd.distill import health
from pcakd.distill.legs import Schedule
from pcakd.distill.parallel import join_group
from pcakd.distill.recipe import Recipe
from pcakd.distill.run import Request, distill
from pcakd.eigenbases import RankRule


def main() -> None:
    """Train with limits that a few steps keep."""
    health.LOST_IMAGE = float("inf")
    schedule = Schedule(steps=6, rate=1e-4, batch=4, crop=32)
    recipe = Recipe(
        encoder=schedule,
        autoencoder=schedule,
        stylization=schedule,
        zoom=(24, 60),
        perceptual="tiny",
        min_r2_share=-100.0,
        max_dead_share=1.0,
        basis_images=5,
        held_out=2,
        regularizer=1.0,
    )
    with join_group(os.environ, torch.device("cpu")) as device:
        distill(
            Request(
                backbone="tiny",
                weight_set=None,
                weights_path=None,
                data=Path(sys.argv[1]),
                output=Path(sys.argv[2]),
                rule=RankRule(ranks=(4, 6, 8, 10)),
                recipe=recipe,
                device=device,
                resume=False,
            )
        )


if __name__ == "__main__":
    main()
