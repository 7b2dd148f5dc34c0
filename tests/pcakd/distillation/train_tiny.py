"""A short distillation of the tiny teacher, alone or under ``torchrun``: PHOTOS OUTPUT."""

import os
import sys
from dataclasses import replace
from functools import partial
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
    # with its usual ε of 1e-8 Adam moves a weight whose gradient is all rounding as far as any
    # other; with this one its steps are smooth in the gradients, and so are later losses
    torch.optim.Adam = partial(torch.optim.Adam, eps=1.0)
    schedule = Schedule(steps=6, rate=1e-2, batch=4, crop=32)
    # the decoder magnifies rounding with every step, so that one step is compared
    one_step = replace(schedule, steps=1)
    recipe = replace(
        RECIPE,
        encoder=schedule,
        autoencoder=one_step,
        stylization=one_step,
        basis_images=5,
        regularizer=1.0,
    )
    with join_group(os.environ, torch.device("cpu")) as device:
        photos, output = map(Path, sys.argv[1:])
        distill(make_config(photos, output, recipe=recipe, device=str(device)))


if __name__ == "__main__":
    main()
