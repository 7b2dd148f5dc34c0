"""Latency by section: the clock is read, on an idle device, where a section begins and ends.

Times are exclusive: a nested section's time is not part of the outer one's. Time outside of all
sections is ``other``, so that the sections of a call sum to its duration. Reading the clock and
waiting for the device take time themselves, so uninstrumented calls are timed in turn with
instrumented ones.
"""

import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import torch

from bench.analysis.stats import median
from bench.profiling.latency import Clock, Timer, needs_sample, synchronizer
from bench.profiling.traffic import OTHER
from pcakd.utils.sections import instrument_sections


class SectionClock:
    """Times the sections of a call.

    Args:
        clock: Returns nanoseconds.
        synchronize: Waits for the device; does nothing on a CPU.
    """

    def __init__(
        self, clock: Clock = time.perf_counter_ns, synchronize: Callable[[], object] = lambda: None
    ) -> None:
        self._clock = clock
        self._synchronize = synchronize
        self._times: Counter[str] = Counter()
        self._open = [OTHER]
        self._since = 0

    def time(self, call: Callable[[], object]) -> dict[str, int]:
        """Return the nanoseconds that a call spends in each section."""
        self._times, self._open = Counter(), [OTHER]
        self._since = self._read()
        with instrument_sections(self._enter):
            result = call()  # held until the last reading: freeing it is not part of the work
        self._close_interval()
        del result
        return dict(self._times)

    @contextmanager
    def _enter(self, section: str) -> Iterator[None]:
        self._close_interval()
        self._open.append(section)
        try:
            yield
        finally:
            self._close_interval()
            self._open.pop()

    def _close_interval(self) -> None:
        """Add the time since the last reading to the innermost open section."""
        now = self._read()
        self._times[self._open[-1]] += now - self._since
        self._since = now

    def _read(self) -> int:
        self._synchronize()
        return self._clock()


@dataclass(frozen=True, slots=True, kw_only=True)
class SectionTimes:
    """Samples of calls in nanoseconds.

    Attributes:
        latency_ns: Uninstrumented calls, whole.
        sections_ns: The sections of the instrumented calls in between.
    """

    latency_ns: list[int]
    sections_ns: list[dict[str, int]]


def create_section_clock(device: torch.device) -> SectionClock:
    """Return the clock of a device."""
    return SectionClock(synchronize=synchronizer(device))


def time_sections(
    call: Callable[[], object],
    *,
    timer: Timer,
    clock: SectionClock,
    warmup: int,
    samples: int,
    seconds: float | None = None,
) -> SectionTimes:
    """Time a call without and with instrumentation, in turn, after a warm-up.

    Args:
        call: The call.
        timer: Times a whole call.
        clock: Times the sections of one.
        warmup: Untimed calls.
        samples: The most timed calls of either kind.
        seconds: Stop when uninstrumented calls have taken so long together
            (`bench.profiling.latency.needs_sample`); None is without limit.
    """
    for _ in range(warmup):
        call()
    times = SectionTimes(latency_ns=[], sections_ns=[])
    while needs_sample(times.latency_ns, samples=samples, seconds=seconds):
        times.latency_ns.append(timer.time(call))
        times.sections_ns.append(clock.time(call))
    return times


def median_sections(samples: Sequence[Mapping[str, int]]) -> dict[str, int]:
    """Return the median nanoseconds of each section; a call without it counts as zero.

    >>> median_sections([{"encode": 3, "other": 1}, {"encode": 5}, {"encode": 4, "other": 2}])
    {'encode': 4, 'other': 1}
    """
    names = dict.fromkeys(name for sample in samples for name in sample)
    return {name: round(median([each.get(name, 0) for each in samples])) for name in names}
