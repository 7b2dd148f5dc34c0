"""Signals that end a command."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import NoReturn

_SIGNALS = ("SIGTERM", "SIGHUP")  # Windows lacks the second


class Terminated(KeyboardInterrupt):
    """A request to end.

    Attributes:
        name: The name of the signal.
        exit_status: 128 and the number of the signal, as shells report it.
    """

    def __init__(self, number: int) -> None:
        super().__init__()
        self.name = signal.Signals(number).name
        self.exit_status = 128 + number


@contextmanager
def clean_termination() -> Iterator[None]:
    """Turn SIGTERM and SIGHUP into an exception, so that temporary files are removed.

    A signal that the process ignores (under ``nohup``) stays ignored. Outside the main thread this
    does nothing.

    Raises:
        Terminated: In the block, when a signal arrives.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    numbers = [getattr(signal, name) for name in _SIGNALS if hasattr(signal, name)]
    before = {number: signal.getsignal(number) for number in numbers}
    replaced = {number: old for number, old in before.items() if old is signal.SIG_DFL}
    for number in replaced:
        signal.signal(number, _raise)
    try:
        yield
    finally:
        for number, old in replaced.items():
            signal.signal(number, old)


def _raise(number: int, frame: FrameType | None) -> NoReturn:
    del frame
    raise Terminated(number)
