"""Latency by stage: a clock that is read, on an idle device, at the border of every region.

Times are exclusive: a region within another one takes its time out of it. What lies in no region is
``other``, so that the stages of a call sum to its duration. Reading the clock and waiting for the
device costs time of its own, so calls that nobody watches are timed in turn with those.
"""

import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import torch

from bench.analysis.stats import median
from bench.profiling.latency import Clock, Timer, goes_on
from bench.profiling.traffic import OTHER
from pcakd.utils.sections import watch_sections


class StageClock:
    """Times the regions of a call.

    Args:
        clock: Returns nanoseconds.
        synchronize: Waits for the device; nothing to do on a CPU.
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
        """Return the nanoseconds that a call spends in each stage."""
        self._times, self._open = Counter(), [OTHER]
        self._since = self._read()
        with watch_sections(self._enter):
            result = call()  # held until the last reading: freeing it is not part of the work
        self._close_span()
        del result
        return dict(self._times)

    @contextmanager
    def _enter(self, stage: str) -> Iterator[None]:
        self._close_span()
        self._open.append(stage)
        try:
            yield
        finally:
            self._close_span()
            self._open.pop()

    def _close_span(self) -> None:
        """Give the time since the last border to the innermost open stage."""
        now = self._read()
        self._times[self._open[-1]] += now - self._since
        self._since = now

    def _read(self) -> int:
        self._synchronize()
        return self._clock()


@dataclass(frozen=True, slots=True, kw_only=True)
class StageTimes:
    """Samples of calls in nanoseconds.

    Attributes:
        latency_ns: Whole calls that nobody watched.
        stages_ns: The stages of the calls in between.
    """

    latency_ns: list[int]
    stages_ns: list[dict[str, int]]


def create_stage_clock(device: torch.device) -> StageClock:
    """Return the clock of a device."""
    if device.type == "cuda":
        return StageClock(synchronize=torch.cuda.synchronize)
    if device.type == "mps":
        return StageClock(synchronize=torch.mps.synchronize)
    return StageClock()


def time_stages(
    call: Callable[[], object],
    *,
    timer: Timer,
    clock: StageClock,
    warmup: int,
    samples: int,
    seconds: float | None = None,
) -> StageTimes:
    """Time a call without and with a watcher, in turn, after a warm-up.

    Args:
        call: What is timed.
        timer: Times a whole call.
        clock: Times the stages of one.
        warmup: Untimed calls.
        samples: The most timed calls of either kind.
        seconds: How long those go on that nobody watches, as `bench.profiling.latency.goes_on` has
            it; None is without limit.
    """
    for _ in range(warmup):
        call()
    times = StageTimes(latency_ns=[], stages_ns=[])
    while goes_on(times.latency_ns, samples=samples, seconds=seconds):
        times.latency_ns.append(timer.time(call))
        times.stages_ns.append(clock.time(call))
    return times


def median_stages(samples: Sequence[Mapping[str, int]]) -> dict[str, int]:
    """Return the median nanoseconds of each stage; one that a call did not enter took it none.

    >>> median_stages([{"encode": 3, "other": 1}, {"encode": 5}, {"encode": 4, "other": 2}])
    {'encode': 4, 'other': 1}
    """
    stages = dict.fromkeys(stage for sample in samples for stage in sample)
    return {stage: round(median([each.get(stage, 0) for each in samples])) for stage in stages}
