"""The rows of a report: what a subject costs, and how well it stylizes."""

from dataclasses import dataclass

from bench.analysis.stats import Interval
from bench.records.identity import Machine

OOM_MARGIN = 1.25
"""What is predicted to need up to so many times the memory that is there may fit after all.

Reports check predictions of memory at larger sizes than they derive from; those of `reports/cpu`
were at most a fifth too high.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class CostRow:
    """What one subject costs at one resolution; all repeats together.

    Attributes:
        latency_p95_ms: 95th percentile; None from too few samples.
        allowed_bytes: The share of the machine's memory that a case may take.
    """

    subject: str
    transform: str
    resolution: str
    width: int
    height: int
    machine: Machine
    status: str
    reason: str | None
    num_params: int | None
    num_eigenbasis_params: int | None
    macs_content: int | None
    macs_total: int | None
    uncounted: dict[str, int]
    num_samples: int
    latency_ms: Interval | None
    latency_p95_ms: float | None
    peak_bytes: int | None
    predicted_latency_ms: float | None
    predicted_peak_bytes: int | None
    allowed_bytes: int | None = None

    @property
    def size(self) -> str:
        """The resolution's name with its pixels; a name that is a size stands alone."""
        pixels = f"{self.width}×{self.height}"
        return (
            pixels
            if self.resolution == f"{self.width}x{self.height}"
            else f"{self.resolution} {pixels}"
        )

    @property
    def macs_per_pixel(self) -> float | None:
        """Multiply-adds of the content path a content pixel."""
        if self.macs_content is None:
            return None
        return self.macs_content / (self.width * self.height)

    @property
    def predicted_oom(self) -> bool:
        """Whether a case that was not run would need more memory than it may take."""
        need, allowed = self.predicted_peak_bytes, self.allowed_bytes
        return self.status == "predicted" and None not in (need, allowed) and need > allowed  # type: ignore[operator]

    @property
    def near_oom(self) -> bool:
        """Whether `predicted_oom` is by so little that the prediction may be wrong."""
        if not self.predicted_oom:
            return False
        return (self.predicted_peak_bytes or 0) <= OOM_MARGIN * (self.allowed_bytes or 0)

    @property
    def expected_latency_ms(self) -> float | None:
        """The measured median, or the predicted one of a case that was not run.

        A case that was run and failed has shown its prediction wrong, or has no use for it, and one
        that would run out of memory has no latency.
        """
        if self.latency_ms:
            return self.latency_ms.value
        return self.predicted_latency_ms if self._can_run else None

    @property
    def _can_run(self) -> bool:
        return self.status == "predicted" and not self.predicted_oom


@dataclass(frozen=True, slots=True, kw_only=True)
class QualityRow:
    """How well one subject stylizes with one transform: means over pairs.

    Attributes:
        cost_subject: The subject whose cost stands for this one's (`bench.records.schema.Record`).
        num_outside: Records of outputs that were made elsewhere (`is_external`).
        num_made_smaller: Those that had their content's native size and were made smaller.
    """

    subject: str
    transform: str
    machine: Machine
    num_pairs: int
    scores: dict[str, Interval]
    failures: dict[str, int]
    cost_subject: str | None = None
    num_outside: int = 0
    num_made_smaller: int = 0

    @property
    def outside(self) -> bool:
        """Whether the outputs were made elsewhere and read from files: there is no cost."""
        return self.num_outside > 0
