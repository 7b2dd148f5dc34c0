"""The rows of a report: what a subject costs, and the metric values of its outputs."""

from dataclasses import dataclass

from bench.analysis.stats import Interval, ProcessInterval
from bench.records.identity import Machine

OOM_MARGIN = 1.25
"""How many times too high a predicted peak may be, where no measurement shows it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseRow:
    """A subject at a resolution on a machine, and how its measurement ended."""

    subject: str
    transform: str
    resolution: str
    width: int
    height: int
    machine: Machine
    status: str

    @property
    def pixels(self) -> int:
        """Pixels of the content."""
        return self.width * self.height


@dataclass(frozen=True, slots=True, kw_only=True)
class CostRow(CaseRow):
    """What one subject costs at one resolution; all repeats together.

    Attributes:
        latency_ms: Over the processes that measured the case.
        num_disturbed: Processes during which the machine changed.
        latency_p95_ms: 95th percentile; None from too few samples.
        allowed_bytes: The share of the machine's memory that a case may take.
        oom_margin: A predicted peak of up to this many times the allowed memory may fit after all.
    """

    reason: str | None
    num_params: int | None
    num_eigenbasis_params: int | None
    macs_content: int | None
    macs_total: int | None
    uncounted: dict[str, int]
    num_samples: int
    latency_ms: ProcessInterval | None
    num_disturbed: int
    latency_p95_ms: float | None
    peak_bytes: int | None
    predicted_latency_ms: float | None
    predicted_peak_bytes: int | None
    allowed_bytes: int | None = None
    oom_margin: float = OOM_MARGIN

    @property
    def size(self) -> str:
        """The resolution's name and its pixels: ``HD 1280×720``."""
        return name_size(self.resolution, self.width, self.height)

    @property
    def macs_per_pixel(self) -> float | None:
        """Multiply-adds of the content path per content pixel."""
        if self.macs_content is None:
            return None
        return self.macs_content / self.pixels

    @property
    def predicted_oom(self) -> bool:
        """Whether the case was not run because it would need more memory than allowed."""
        need, allowed = self.predicted_peak_bytes, self.allowed_bytes
        if self.status != "predicted" or need is None or allowed is None:
            return False
        return need > allowed

    @property
    def near_oom(self) -> bool:
        """Whether the predicted peak is so little above the allowed memory that it may fit."""
        if not self.predicted_oom:
            return False
        return (self.predicted_peak_bytes or 0) <= self.oom_margin * (self.allowed_bytes or 0)

    @property
    def expected_latency_ms(self) -> float | None:
        """The measured median, or the prediction for a case that was not run.

        None for a case that was run and failed, and for one that would run out of memory.
        """
        if self.latency_ms:
            return self.latency_ms.value
        can_run = self.status == "predicted" and not self.predicted_oom
        return self.predicted_latency_ms if can_run else None


@dataclass(frozen=True, slots=True, kw_only=True)
class QualityRow:
    """Metric values of one subject with one transform: means over image pairs.

    Attributes:
        metrics: Mean and interval of each metric, by its name.
        failures: How many records ended otherwise, by status.
        cost_subject: The subject whose cost is shown for this one (`bench.records.schema.Record`).
        trained_metrics: Metrics whose formulas, or close relatives of them, it was trained on.
        num_external: Records of external results (`bench.records.identity.is_external`).
        num_made_smaller: External results that had the content's native size and were made smaller.
    """

    subject: str
    transform: str
    machine: Machine
    num_image_pairs: int
    metrics: dict[str, Interval]
    failures: dict[str, int]
    cost_subject: str | None = None
    trained_metrics: tuple[str, ...] = ()
    num_external: int = 0
    num_made_smaller: int = 0

    @property
    def external(self) -> bool:
        """Whether the outputs are external results: read from files, without a cost."""
        return self.num_external > 0


def name_subject(subject: str, transform: str) -> str:
    """Name a subject with its transform, if it has one.

    >>> name_subject("vgg16", "zca"), name_subject("mkl", "none")
    ('vgg16 · zca', 'mkl')
    """
    return subject if transform == "none" else f"{subject} · {transform}"


def name_size(resolution: str, width: int, height: int) -> str:
    """Name a resolution with its pixels; a name that is a size stands alone.

    >>> name_size("HD", 1280, 720), name_size("640x480", 640, 480)
    ('HD 1280×720', '640×480')
    """
    pixels = f"{width}×{height}"
    return pixels if resolution == f"{width}x{height}" else f"{resolution} {pixels}"
