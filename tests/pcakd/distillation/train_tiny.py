"""A short distillation of the tiny teacher, alone or under ``torchrun``: PHOTOS OUTPUT."""

import os
import sys
from dataclasses import replace
from pathlib import Path

import torch
from tiny_distillation import RECIPE, make_config

from pcakd.distillation import health
from pcakd.distillation.parallel import join_group
from pcakd.distillation.run import distill
from pcakd.distillation.schedule import Schedule


def main() -> None:
    """Train without a limit on the reconstruction loss, with two image pairs per batch."""
    health.MAX_RECONSTRUCTION_LOSS = float("inf")
    schedule = Schedule(steps=6, rate=1e-4, batch=4, crop=32)
    recipe = replace(
        RECIPE,
        encoder=schedule,
        autoencoder=schedule,
        stylization=schedule,
        basis_images=5,
        regularizer=1.0,
    )
    with join_group(os.environ, torch.device("cpu")) as device:
        photos, output = map(Path, sys.argv[1:])
        distill(make_config(photos, output, recipe=recipe, device=str(device)))


if __name__ == "__main__":
    main()
