"""How one subject is measured on one kind of device."""

import math
from dataclasses import asdict, dataclass
from typing import Any

from bench.records.schema import METRIC_NAMES, MetricName
from bench.records.units import NS_PER_S

LEAST_SAMPLES = 2
"""Calls that are timed even if the first one exceeds ``sample_seconds``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseSettings:
    """The resolved configuration of a case; `as_config` writes it into the record.

    Attributes:
        profile: Name of the benchmark profile, or of the command that measures without one.
        measured: Resolutions to measure; the profile's other ones are predicted.
        warmup: Untimed calls.
        samples: The most timed calls of a process.
        processes: Processes that time a cost case, in rounds over all cases.
        sample_seconds: No further call is timed once the calls so far took this long together, but
            at least `LEAST_SAMPLES` are; None sets no limit.
        case_seconds: Time budget in seconds of the process of a case, start included.
        ratio_rounds: Timed calls of each subject of a speed ratio.
        memory_fraction: Share of the device's memory that a case may take.
        quality_max_side: Image pairs are reduced to this many pixels a side before they are scored;
            0 keeps their size.
        contention_resolutions: Resolutions at which latency is measured on a busy machine, too.
        capacity_gib: Memory in GiB within which the largest image is searched; 0 is no search.
        metrics: The quality metrics that are measured.
    """

    profile: str
    measured: tuple[str, ...] = ()
    warmup: int
    samples: int
    processes: int = 1
    sample_seconds: float | None = None
    case_seconds: float
    ratio_rounds: int = 6
    memory_fraction: float
    quality_max_side: int = 0
    capacity_gib: float = 0.0
    contention_resolutions: tuple[str, ...] = ()
    metrics: tuple[MetricName, ...] = METRIC_NAMES

    def expect_samples(self, latency_ns: float) -> int:
        """Return how many calls will be timed if each takes ``latency_ns`` nanoseconds."""
        if self.sample_seconds is None or not latency_ns:
            return self.samples
        enough = math.ceil(self.sample_seconds * NS_PER_S / latency_ns)
        return min(self.samples, max(enough, LEAST_SAMPLES))

    def as_config(self) -> dict[str, Any]:
        """Return the ``config`` of a record; its keys are part of the file format."""
        return {
            "paired_rounds" if key == "ratio_rounds" else key: (
                list(value) if isinstance(value, tuple) else value
            )
            for key, value in asdict(self).items()
        }
