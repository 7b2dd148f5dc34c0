"""The folder of a training: one run at a time writes into it, and a new one finds it empty."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pcakd.distillation.run_files.checkpoint import CHECKPOINT
from pcakd.errors import TrainingError
from pcakd.utils.locks import lock_folder


@contextmanager
def claim_output(output: Path, *, resume: bool) -> Iterator[None]:
    """Create a training's folder and lock it until the block ends (`lock_folder`).

    Args:
        output: The folder.
        resume: Whether to continue a training in the folder.

    Raises:
        TrainingError: The folder holds a checkpoint and ``resume`` is not set.
        OutputError: Another process has locked the folder, or it cannot be created or locked.
    """
    if not resume and (output / CHECKPOINT).exists():
        raise TrainingError(
            f"{output} holds a training run already; resume it, or name another folder"
        )
    with lock_folder(output):
        for partial in output.glob(".*.part"):  # left by a killed run
            partial.unlink(missing_ok=True)
        yield
