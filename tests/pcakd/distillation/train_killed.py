"""A short distillation that is resumed and kills itself: PHOTOS OUTPUT [PLACE COUNT]."""

import os
import signal
import sys
from pathlib import Path

from tiny_distillation import make_config

from pcakd.distillation import health
from pcakd.distillation import trainer as trainer_module
from pcakd.distillation.run import distill


def kill_at(owner, name: str, count: int) -> None:
    """Kill this process when a function is called for the given time."""
    whole = getattr(owner, name)

    def call(*arguments, **keywords):
        nonlocal count
        count -= 1
        if count == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        return whole(*arguments, **keywords)

    setattr(owner, name, call)


def main() -> None:
    """Train with a checkpoint every second step, and die at a step or while a file is replaced."""
    photos, output, *moment = sys.argv[1:]
    health.MAX_RECONSTRUCTION_LOSS = float("inf")
    trainer_module._CHECKPOINT_EVERY = 2
    if moment:
        place, count = moment
        owner, name = {"step": (trainer_module.Trainer, "_step"), "replace": (Path, "replace")}[
            place
        ]
        kill_at(owner, name, int(count))
    distill(make_config(Path(photos), Path(output), resume=True))


if __name__ == "__main__":
    main()
