"""The lock of a folder: one process at a time may write into it."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Final

from pcakd.errors import OutputError
from pcakd.utils.extras import require_extra
from pcakd.utils.files import make_folder

if TYPE_CHECKING:
    from filelock import BaseFileLock

LOCK_NAME: Final = ".pcakd.lock"
"""The file that is locked. It stays in the folder after use, because removing it could let two
processes lock two files of this name."""


@contextmanager
def lock_folder(folder: Path) -> Iterator[None]:
    """Make a folder and lock it for other processes until the block ends.

    The operating system holds the lock, so it ends with its process, however that ends. A process
    can lock a folder again that it has locked already. After an exception, a lock file that was
    made here is removed, and so are folders that were made here if nothing is in them.

    Args:
        folder: The folder.

    Raises:
        OutputError: Another process has locked the folder, or it cannot be made or locked.
    """
    filelock = require_extra("train", "filelock", "locking a folder")
    made = [each for each in (folder, *folder.parents) if not each.exists()]
    make_folder(folder)
    file = folder.resolve() / LOCK_NAME
    lock: BaseFileLock = filelock.FileLock(file, timeout=0, is_singleton=True)
    is_new, failed = not file.exists(), True
    try:
        _acquire(lock, folder)
        yield
        failed = False
    finally:
        with suppress(OSError):
            if failed and is_new and lock.is_locked:
                file.unlink(missing_ok=True)  # still locked: no other process has it
        lock.release()
        if failed:
            with suppress(OSError):
                for each in made:
                    each.rmdir()  # refuses if anything is in it


def _acquire(lock: "BaseFileLock", folder: Path) -> None:
    from filelock import Timeout

    try:
        lock.acquire()
    except Timeout as cause:
        raise OutputError(
            f"another run writes into {folder}; wait for its end or name another folder"
        ) from cause
    except OSError as error:
        raise OutputError(
            f"cannot lock {folder}: {error.strerror or error}; name a folder on another file system"
        ) from error
