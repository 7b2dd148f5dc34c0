"""The lock of a training run's folder: one run at a time may write into it."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from pcakd.distillation.run_files.checkpoint import CHECKPOINT
from pcakd.errors import OutputError, TrainingError
from pcakd.utils.extras import require_extra
from pcakd.utils.files import make_folder

if TYPE_CHECKING:
    from filelock import BaseFileLock

_LOCK = ".pcakd.lock"


@contextmanager
def claim_output(output: Path, *, resume: bool) -> Iterator[None]:
    """Create a run's folder and lock it for other processes until the block ends.

    After an exception, folders that were created here are removed if they are empty. A process
    can claim a folder again that it holds already.

    Args:
        output: The folder. Its lock is an open file, so a killed process holds no lock.
        resume: Whether to continue a run in the folder.

    Raises:
        TrainingError: The folder holds a checkpoint and ``resume`` is not set, or another process
            holds the lock.
        OutputError: The folder cannot be created or locked.
    """
    filelock = require_extra("train", "filelock", "training")
    if not resume and (output / CHECKPOINT).exists():
        raise TrainingError(
            f"{output} holds a training run already; resume it, or name another folder"
        )
    made = [folder for folder in (output, *output.parents) if not folder.exists()]
    make_folder(output)
    file = output.resolve() / _LOCK
    lock: BaseFileLock = filelock.FileLock(file, timeout=0, is_singleton=True)
    failed = True
    try:
        _acquire(lock, output)
        for partial in output.glob(".*.part"):  # left by a killed run
            partial.unlink(missing_ok=True)
        yield
        failed = False
    finally:
        with suppress(OSError):
            if failed and made and {path.name for path in output.iterdir()} <= {_LOCK}:
                file.unlink(missing_ok=True)  # still locked: no other process has it
        lock.release()
        if failed:
            with suppress(OSError):
                for folder in made:
                    folder.rmdir()  # refuses if anything is in it


def _acquire(lock: "BaseFileLock", output: Path) -> None:
    from filelock import Timeout

    try:
        lock.acquire()
    except Timeout as cause:
        raise TrainingError(
            f"another run writes into {output}; wait for its end or name another folder"
        ) from cause
    except OSError as error:
        raise OutputError(
            f"cannot lock {output}: {error.strerror or error}; name a folder on another file system"
        ) from error
