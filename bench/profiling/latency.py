"""Latency as raw integer nanoseconds: warm-up, synchronisation inside the timed interval."""

import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import Protocol

import torch

from bench.plan.settings import LEAST_SAMPLES
from bench.records.units import NS_PER_MS, NS_PER_S

Clock = Callable[[], int]


class Timer(Protocol):
    """Times one call on one kind of device."""

    def time(self, call: Callable[[], object]) -> int:
        """Return the nanoseconds that a call takes, until the device has its result."""
        ...


class ClockTimer:
    """Times with a clock of the processor; the device is idle at both readings.

    Args:
        clock: Returns nanoseconds.
        synchronize: Waits for the device; does nothing on a CPU.
    """

    def __init__(
        self, clock: Clock = time.perf_counter_ns, synchronize: Callable[[], object] = lambda: None
    ) -> None:
        self._clock = clock
        self._synchronize = synchronize

    def time(self, call: Callable[[], object]) -> int:
        """Return the nanoseconds that a call takes."""
        self._synchronize()
        start = self._clock()
        result = call()  # held until the second reading: freeing it is not part of the work
        self._synchronize()
        stop = self._clock()
        del result
        return stop - start


class CudaTimer:
    """Times with a pair of CUDA events on the current stream, which is idle before the first."""

    def time(self, call: Callable[[], object]) -> int:
        """Return the nanoseconds between the events (they resolve about half a microsecond)."""
        start, stop = (torch.cuda.Event(enable_timing=True) for _ in range(2))  # type: ignore[no-untyped-call]
        torch.cuda.synchronize()
        start.record()
        result = call()
        stop.record()
        torch.cuda.synchronize()
        del result
        elapsed_ms = float(start.elapsed_time(stop))
        return round(elapsed_ms * NS_PER_MS)


def create_timer(device: torch.device) -> Timer:
    """Return the timer of a device: CUDA events, or the processor's clock."""
    return CudaTimer() if device.type == "cuda" else ClockTimer(synchronize=synchronizer(device))


def synchronizer(device: torch.device) -> Callable[[], object]:
    """Return the function that waits for a device; it does nothing on a CPU."""
    return partial(torch.accelerator.synchronize, device) if device.type != "cpu" else lambda: None


def measure_latency(
    call: Callable[[], object],
    *,
    timer: Timer,
    warmup: int,
    samples: int,
    seconds: float | None = None,
) -> list[int]:
    """Time a call after ``warmup`` untimed calls.

    Args:
        call: The call.
        timer: Times one call.
        warmup: Untimed calls.
        samples: The most timed calls.
        seconds: Stop when timed calls have taken so long together (:func:`needs_sample`); None is
            without limit.

    Returns:
        Raw samples in nanoseconds, in the order in which they were taken.
    """
    for _ in range(warmup):
        call()
    taken: list[int] = []
    while needs_sample(taken, samples=samples, seconds=seconds):
        taken.append(timer.time(call))
    return taken


def needs_sample(taken: Sequence[int], *, samples: int, seconds: float | None) -> bool:
    """Tell whether to take another sample.

    Args:
        taken: The samples so far, in nanoseconds.
        samples: The most samples.
        seconds: Stop when the samples have taken so long together and are at least two; None is
            without limit.

    >>> needs_sample([], samples=1, seconds=5.0), needs_sample([9], samples=1, seconds=None)
    (True, False)
    >>> slow = [4 * 10**9, 4 * 10**9]
    >>> needs_sample(slow[:1], samples=6, seconds=2.0), needs_sample(slow, samples=6, seconds=2.0)
    (True, False)
    """
    if len(taken) >= samples:
        return False
    return seconds is None or len(taken) < LEAST_SAMPLES or sum(taken) < seconds * NS_PER_S


def measure_interleaved(
    first: Callable[[], object],
    second: Callable[[], object],
    *,
    timer: Timer,
    warmup: int,
    rounds: int,
) -> tuple[list[int], list[int]]:
    """Time two calls in turn, in an order that alternates: A B, B A, A B and so on.

    Slow periods of the machine then affect both, and each is second equally often.

    Args:
        first: The first call, A.
        second: The second call, B.
        timer: Times one call.
        warmup: Untimed calls of each, taken before all others.
        rounds: Timed calls of each.

    Returns:
        Raw samples of both in nanoseconds, round by round.
    """
    for _ in range(warmup):
        first()
        second()
    samples: tuple[list[int], list[int]] = ([], [])
    for number in range(rounds):
        for which in (0, 1) if number % 2 == 0 else (1, 0):
            samples[which].append(timer.time((first, second)[which]))
    return samples
