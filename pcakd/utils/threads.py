"""Independent pieces of work on a pool of threads that compute on one core each.

PyTorch splits each operator among all threads, and every operator waits for the slowest of them.
On a busy machine a thread that waits for a core stops the others, operator after operator. Here
each thread works through whole pieces on its own, and only the end waits.
"""

import os
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import AbstractContextManager
from contextvars import copy_context
from typing import TypeVar

import torch

T = TypeVar("T")
R = TypeVar("R")

_pools: dict[int, ThreadPoolExecutor] = {}
_lock = threading.Lock()


def map_in_threads(function: Callable[[T], R], items: Sequence[T], *, device: str) -> list[R]:
    """Return ``[function(item) for item in items]``.

    On a CPU each of PyTorch's threads calls ``function`` with its own items, and operators within a
    call use one thread. With fewer items than threads, on another device, while gradients are
    recorded, and under ``torch.autocast`` (which holds for the calling thread alone), the items
    follow each other in the calling thread.

    Args:
        function: Called with each item; it must not call this function.
        items: The items.
        device: The kind of device that computes.

    Raises:
        Exception: What a call raises; calls that have not begun are dropped.
    """
    threads = torch.get_num_threads()
    if len(items) < threads or not _pays(threads, device):
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


def call_in_thread(function: Callable[[], R], *, device: str) -> R:
    """Return ``function()``, computed by one of the threads of :func:`map_in_threads`.

    Between two calls of that function this is faster than in the calling thread: after an operator
    that was split among threads, OpenMP's threads wait busily for another one (for 5 ms and more)
    and take the cores from the threads of the pool.

    Args:
        function: Small operators that must not call :func:`map_in_threads`. Context variables of
            the calling thread hold in it.
        device: The kind of device that computes.

    Raises:
        Exception: What the call raises.
    """
    threads = torch.get_num_threads()
    if not _pays(threads, device):
        return function()
    inference, context = torch.is_inference_mode_enabled(), copy_context()

    def call() -> R:
        with _without_gradients(inference):
            return function()

    return _get_pool(threads).submit(context.run, call).result()


def _pays(threads: int, device: str) -> bool:
    return (
        device == "cpu"
        and threads > 1
        and not torch.is_grad_enabled()
        and not torch.is_autocast_enabled(device)
    )


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
