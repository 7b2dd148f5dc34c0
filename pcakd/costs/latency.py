"""The latency of students of a machine: a sum of terms, fitted to measurements.

latency = Σ coefficient × term (`pcakd.costs.counts.TERMS`), by non-negative least squares of the
relative error.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from pcakd.costs.counts import TERMS, Counts, latency_terms
from pcakd.errors import PcakdError
from pcakd.utils.extras import require_extra

NUM_SHARED = 2
"""So many first terms do not depend on the ranks."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LatencySample:
    """A measured latency.

    Attributes:
        ranks: Of the student.
        resolution: Name of the size of content and style.
        pixels: Of the content.
        latency_ns: Of one round, or the median of all.
        held_out: Whether the fit leaves it out, to measure its error.
        terms: `TERMS` of this student at this size.
    """

    ranks: tuple[int, int, int, int]
    resolution: str
    pixels: int
    latency_ns: float
    held_out: bool
    terms: tuple[float, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class LatencyModel:
    """Coefficients of a machine.

    Attributes:
        coefficients: Nanoseconds for each unit of a term, in the order of `TERMS`.
    """

    coefficients: tuple[float, ...]

    def predict_ns(self, counts: Counts, pixels: int) -> float:
        """Return the latency of a student in nanoseconds.

        Args:
            counts: Its counts.
            pixels: Of the content; the style is as large.
        """
        return float(self.predict_call_ns(pixels) + self.predict_block_ns(counts, pixels))

    def predict_call_ns(self, pixels: int) -> float:
        """Return the part of the latency that does not depend on the student."""
        per_call, per_pixel = self.coefficients[:NUM_SHARED]
        return per_call + per_pixel * pixels

    def predict_block_ns(self, counts: Counts, pixels: int) -> Any:
        """Return the part of the latency that counts of a block pair, or of all, add.

        A number, or an array where the counts are arrays.
        """
        terms = latency_terms(counts, pixels)[NUM_SHARED:]
        pairs = zip(self.coefficients[NUM_SHARED:], terms, strict=True)
        return sum(coefficient * term for coefficient, term in pairs)


def fit_latency_model(samples: Sequence[LatencySample]) -> LatencyModel:
    """Fit the coefficients to the samples that are not held out.

    Raises:
        PcakdError: There are fewer samples than terms.
        MissingExtraError: SciPy is not installed.
    """
    optimize = require_extra("analyze", "scipy.optimize", "the latency model")
    used = [sample for sample in samples if not sample.held_out]
    if len(used) < len(TERMS):
        raise PcakdError(f"{len(used)} latencies are too few for {len(TERMS)} coefficients")
    import numpy as np

    latencies = np.array([sample.latency_ns for sample in used])
    terms = np.array([sample.terms for sample in used]) / latencies[:, None]
    scale = terms.max(axis=0)
    scale[scale == 0] = 1.0  # a kind of convolution that this architecture does not have
    solution, _ = optimize.nnls(terms / scale, np.ones(len(used)))
    return LatencyModel(coefficients=tuple(float(each) for each in solution / scale))


def relative_errors(model: LatencyModel, samples: Sequence[LatencySample]) -> list[float]:
    """Return predicted over measured, minus 1, of samples."""
    predicted = [
        sum(c * term for c, term in zip(model.coefficients, sample.terms, strict=True))
        for sample in samples
    ]
    return [p / sample.latency_ns - 1.0 for p, sample in zip(predicted, samples, strict=True)]
