"""A temporary folder that is removed even if its process is killed. No torch."""

import os
import secrets
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_PREFIX = "pcakd-gate-"
_ENVIRONMENT = "PCAKD_GATE_FOLDER"
_TEMPORARY = "tmp"


@contextmanager
def scratch_folder() -> Iterator[Path]:
    """Yield a temporary folder; remove it, and end processes that work in it, afterwards.

    A second process waits for this one to end, however it ends, and then does the same.
    """
    folder = Path(tempfile.gettempdir(), f"{_PREFIX}{secrets.token_hex(8)}").resolve()
    watcher = subprocess.Popen(
        [sys.executable, "-P", __file__, str(folder)],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,  # Ctrl-C is not for it
    )
    try:
        folder.mkdir(mode=0o700)  # after the watcher has started, so that no kill leaves it
        (folder / _TEMPORARY).mkdir()
        yield folder
    finally:
        remove(folder)
        with watcher:
            pass  # closing its input ends it


def process_environment(folder: Path) -> dict[str, str]:
    """Return environment variables of processes that work in the folder.

    By them they are found, and their temporary files (pip has many) are in the folder, too.
    """
    temporary = str(folder / _TEMPORARY)
    return {_ENVIRONMENT: str(folder), **dict.fromkeys(("TMPDIR", "TMP", "TEMP"), temporary)}


def remove(folder: Path) -> None:
    """End the processes that work in a folder, and remove it."""
    _end_processes(folder)
    for _ in range(20):
        shutil.rmtree(folder, ignore_errors=True)
        if not folder.exists():
            return
        _end_processes(folder)


def _end_processes(folder: Path) -> None:
    import psutil

    found = []
    for process in psutil.process_iter():
        try:
            if process.pid != os.getpid() and process.environ().get(_ENVIRONMENT) == str(folder):
                process.kill()
                found.append(process)
        except (psutil.Error, OSError):
            continue
    psutil.wait_procs(found, timeout=5)


if __name__ == "__main__":
    sys.stdin.buffer.read()  # ends with the process that holds the other end
    remove(Path(sys.argv[1]))
