"""Work on a pool of threads that compute on one core each.

PyTorch splits each operator among all threads, and every operator waits for the slowest of them.
On a busy machine a thread that waits for a core stops the others, operator after operator. Here
each thread works through whole pieces on its own, and only the end waits.

The two ways do not mix. After an operator that was split, OpenMP's threads wait busily for the next
one, for 5 ms and more, and take the cores from the pool. So all that takes time within
:func:`split_by_pieces` goes through the pool.
"""

import os
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import AbstractContextManager, contextmanager
from contextvars import ContextVar, copy_context
from typing import TypeVar

import torch

T = TypeVar("T")
R = TypeVar("R")

_LEAST_PIXELS = 450_000
"""Pixels of an image for each thread, below which operators split among threads are faster.

Measured with two threads, on a quiet machine. Threads that sleep between pieces take long to wake
up compared with the pieces of a smaller image; balanced numbers of pieces do not change that.
"""

_active: ContextVar[int] = ContextVar("active", default=0)
"""How many threads the pool of this context has; 0 outside :func:`split_by_pieces`."""

_pools: dict[int, ThreadPoolExecutor] = {}
_lock = threading.Lock()


@contextmanager
def split_by_pieces(*, pixels: int, device: str) -> Iterator[None]:
    """Let the functions below use as many threads as PyTorch has, where this is the faster way.

    It is on a CPU with several threads, without gradients, and for images of 450,000 pixels or more
    for each thread. ``torch.autocast`` holds for the calling thread alone and rules it out, too.

    Args:
        pixels: The size of the image.
        device: The kind of device that computes.
    """
    threads = torch.get_num_threads()
    pays = (
        device == "cpu"
        and threads > 1
        and pixels >= _LEAST_PIXELS * threads
        and not torch.is_grad_enabled()
        and not torch.is_autocast_enabled(device)
    )
    token = _active.set(threads if pays else 0)
    try:
        yield
    finally:
        _active.reset(token)


def map_in_threads(function: Callable[[T], R], items: Sequence[T]) -> list[R]:
    """Return ``[function(item) for item in items]``.

    Within :func:`split_by_pieces` each thread calls ``function`` with its own items, and operators
    within a call use one thread. Elsewhere the items follow each other in the calling thread.

    Args:
        function: Called with each item.
        items: The items.

    Raises:
        Exception: What a call raises; calls that have not begun are dropped.
    """
    threads = _active.get()
    if not threads:
        return [function(item) for item in items]
    inference = torch.is_inference_mode_enabled()

    def call(item: T) -> R:
        with _without_gradients(inference):
            return function(item)

    pool = _get_pool(threads)
    futures: list[Future[R]] = []
    try:
        futures = [pool.submit(call, item) for item in items]
        return [future.result() for future in futures]
    finally:
        for future in futures:
            future.cancel()
        wait(futures)  # no thread writes into memory of the caller's after an error


def call_in_thread(function: Callable[[], R]) -> R:
    """Return ``function()``, within :func:`split_by_pieces` computed by one thread of the pool.

    This is for small operators between the large pieces, so that none of them is split.

    Args:
        function: What to call; context variables of the calling thread hold in it.

    Raises:
        Exception: What the call raises.
    """
    threads = _active.get()
    if not threads:
        return function()
    inference, context = torch.is_inference_mode_enabled(), copy_context()

    def call() -> R:
        _active.set(0)
        with _without_gradients(inference):
            return function()

    return _get_pool(threads).submit(context.run, call).result()


def _without_gradients(inference: bool) -> AbstractContextManager[object]:
    """Return the mode of the calling thread, which new threads do not inherit."""
    return torch.inference_mode() if inference else torch.no_grad()


def _get_pool(threads: int) -> ThreadPoolExecutor:
    with _lock:
        if threads not in _pools:
            _pools[threads] = _create_pool(threads)
        return _pools[threads]


def _create_pool(threads: int) -> ThreadPoolExecutor:
    """Start threads that compute on one core each; the caller's own number stays as it is."""
    pool = ThreadPoolExecutor(threads, thread_name_prefix="pcakd")
    started = threading.Barrier(threads + 1)

    def start() -> None:
        torch.get_num_threads()  # the first call in a thread sets the process's number in it
        torch.set_num_threads(1)
        started.wait()

    for _ in range(threads):
        pool.submit(start)
    started.wait()
    torch.set_num_threads(threads)  # the number is also the default of threads yet to start
    return pool


def _forget_pools() -> None:
    """Forget the pools of the parent process, whose threads a fork does not copy."""
    global _lock
    _lock = threading.Lock()
    _pools.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_pools)
