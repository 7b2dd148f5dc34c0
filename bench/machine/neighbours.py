"""Other programs that compete for the processor while something is timed. No torch."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

_LOOP = """
import os, sys
parent = int(sys.argv[1])
while os.getppid() == parent:  # ends with its parent, also if that is killed
    for _ in range(1_000_000):
        pass
"""


@contextmanager
def busy_neighbours(count: int) -> Iterator[None]:
    """Run processes that each keep one core busy, as long as the context lasts.

    Args:
        count: How many; 0 is a quiet machine.
    """
    processes: list[subprocess.Popen[bytes]] = []
    try:
        for _ in range(count):
            command = [sys.executable, "-c", _LOOP, str(os.getpid())]
            processes.append(
                subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
            )
        yield
    finally:
        for process in processes:
            process.kill()
        for process in processes:
            process.wait()
