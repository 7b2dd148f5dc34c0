"""Other programs that compete for the processor while something is timed. No torch."""

import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager

_LOOP = """
import os, sys
parent = int(sys.argv[1])
os.write(1, b"ready\\n")
while os.getppid() == parent:  # ends with its parent, also if that is killed
    for _ in range(1_000_000):
        pass
"""

_TORCH = """
import os, sys, torch
parent = int(sys.argv[1])
torch.set_num_threads(int(sys.argv[2]))
image = torch.rand(1, 32, 360, 640)
layer = torch.nn.Conv2d(32, 32, 3, padding=1)
with torch.inference_mode():
    layer(image)
    os.write(1, b"ready\\n")  # importing torch takes seconds
    while os.getppid() == parent:
        layer(image)
"""


def busy_neighbours(count: int) -> AbstractContextManager[None]:
    """Run processes that each keep one core busy, as long as the context lasts.

    Args:
        count: How many; 0 is a quiet machine.
    """
    return _run_beside([[_LOOP, str(os.getpid())]] * count)


def torch_neighbour(threads: int) -> AbstractContextManager[None]:
    """Run a PyTorch program that computes convolutions, as long as the context lasts.

    Args:
        threads: Threads of its operators.
    """
    return _run_beside([[_TORCH, str(os.getpid()), str(threads)]])


@contextmanager
def _run_beside(programs: Sequence[Sequence[str]]) -> Iterator[None]:
    """Run Python programs, each given as its code and arguments, from when all have started.

    Raises:
        RuntimeError: A program ended before it was ready.
    """
    processes: list[subprocess.Popen[bytes]] = []
    try:
        for program in programs:
            command = [sys.executable, "-c", *program]
            processes.append(
                subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE)
            )
        for process in processes:
            if process.stdout is None or not process.stdout.readline():
                raise RuntimeError("a program that should run beside the measurement ended")
        yield
    finally:
        for process in processes:
            process.kill()
        for process in processes:
            process.communicate()
