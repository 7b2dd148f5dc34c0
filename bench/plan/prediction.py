"""Predicted cost of a case that is not measured: latency from MACs, memory from pixels."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """A measured case, as input of predictions.

    Attributes:
        label: Its name in texts: ``vgg16 HD``.
        pixels: Content pixels.
        macs: Multiply-adds of both images; 0 for a subject without any.
        latency_ns: Median latency in nanoseconds.
        peak_bytes: Peak memory in bytes.
        counts_all: Whether the multiply-adds are those of all its work.
    """

    label: str
    pixels: int
    macs: int
    latency_ns: float
    peak_bytes: int
    counts_all: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Prediction:
    """The expected median and peak of a case, and the basis of both in words."""

    latency_ns: int
    peak_bytes: int
    basis: str


def predict_cost(
    *,
    pixels: int,
    macs: int,
    own: Sequence[Measured],
    others: Sequence[Measured],
    counts_all: bool = True,
) -> Prediction | None:
    """Predict a case from measured cases of the same subject, or else of other subjects.

    Latency is affine in MACs and memory affine in pixels: both images are float32, 24 bytes a
    pixel, and every activation is proportional to them. Two or more cases of the subject give both
    coefficients. One case, or cases that no such law fits, give a proportional law; the basis then
    says "linear from" that case. Without a case of the subject, the slowest rate for each MAC and
    the most memory for each pixel among other subjects are used. This is crude and pessimistic, and
    needs multiply-adds that are those of all the work; without them there is no such prediction.

    Args:
        pixels: Content pixels of the case.
        macs: Its multiply-adds.
        own: Measured cases of the same subject on the same machine.
        others: Measured cases of other subjects on the same machine.
        counts_all: Whether ``macs`` are the multiply-adds of all the work of the case.

    Returns:
        The prediction, or None if nothing was measured that it could follow from.
    """
    if own:
        by_macs = macs > 0 and all(each.macs > 0 for each in own)
        work = [float(each.macs if by_macs else each.pixels) for each in own]
        sizes = [float(each.pixels) for each in own]
        latency, fits_latency = _extend(
            work, [each.latency_ns for each in own], macs if by_macs else pixels
        )
        peak, fits_peak = _extend(sizes, [float(each.peak_bytes) for each in own], pixels)
        unit = "MACs" if by_macs else "pixels"
        return Prediction(
            latency_ns=latency, peak_bytes=peak, basis=_basis(unit, own, fits_latency, fits_peak)
        )
    working = [each for each in others if each.macs > 0 and each.counts_all]
    if not working or macs == 0 or not counts_all:
        return None
    rate = max(each.latency_ns / each.macs for each in working)
    need = max(each.peak_bytes / each.pixels for each in working)
    return Prediction(
        latency_ns=round(rate * macs),
        peak_bytes=round(need * pixels),
        basis="MACs and bytes at this machine's slowest rate among other subjects",
    )


def _basis(unit: str, own: Sequence[Measured], fits_latency: bool, fits_peak: bool) -> str:
    """Name the basis of latency and memory: a fit through all cases, or the last case alone."""
    fitted, linear = f"fitted to {', '.join(e.label for e in own)}", f"linear from {own[-1].label}"
    if fits_latency == fits_peak:
        return f"{unit} and bytes, {fitted if fits_latency else linear}"
    latency, peak = (fitted, linear) if fits_latency else (linear, fitted)
    return f"{unit}, {latency}, and bytes, {peak}"


def _extend(x: Sequence[float], y: Sequence[float], target: float) -> tuple[int, bool]:
    """Extend y(x) to ``target`` by an affine fit (relative least squares) without negative terms.

    Returns:
        The value, and whether it is fitted; otherwise it is proportional to the last one.
    """
    if len(x) > 1 and len(set(x)) > 1:
        weights = 1 / np.asarray(y).clip(min=1)
        slope, offset = np.polyfit(x, y, 1, w=weights)
        if slope > 0 and offset >= 0:
            return round(float(offset + slope * target)), True
    return round(y[-1] * target / x[-1]), False
