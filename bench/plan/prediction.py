"""What a case would take that is not run: latency from MACs, memory from pixels. No torch."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """A measured case, as predictions use it.

    Attributes:
        label: How reasons call it: ``vgg16 HD``.
        pixels: Content pixels.
        macs: Multiply-adds of both images; 0 for a subject that has none.
        latency_ns: Median.
        peak_bytes: Peak memory.
    """

    label: str
    pixels: int
    macs: int
    latency_ns: float
    peak_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Prediction:
    """The expected median and peak of a case, and what they derive from."""

    latency_ns: int
    peak_bytes: int
    basis: str


def predict_cost(
    *, pixels: int, macs: int, own: Sequence[Measured], others: Sequence[Measured]
) -> Prediction | None:
    """Predict a case from measured cases of the same subject, or else from the machine's rate.

    Latency is affine in MACs and memory affine in pixels (both images are float32, 24 bytes a
    pixel, and every activation is proportional to them). Two or more cases of the subject give both
    coefficients. One, or cases that no such law fits, give a proportional law, and the basis says
    "linear from" that case: time need not grow as MACs do, and one case cannot tell. Without any
    case of the subject, the slowest rate a MAC and the largest need a pixel among other subjects
    are used, which is crude and pessimistic.

    Args:
        pixels: Content pixels of the case.
        macs: Its multiply-adds.
        own: Measured cases of the same subject on the same machine.
        others: Measured cases of other subjects on the same machine.

    Returns:
        None if nothing at all was measured.
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
    working = [each for each in others if each.macs > 0]
    if not working or macs == 0:
        return None
    rate = max(each.latency_ns / each.macs for each in working)
    need = max(each.peak_bytes / each.pixels for each in working)
    return Prediction(
        latency_ns=round(rate * macs),
        peak_bytes=round(need * pixels),
        basis="MACs and bytes at this machine's slowest rate among other subjects",
    )


def _basis(unit: str, own: Sequence[Measured], fits_latency: bool, fits_peak: bool) -> str:
    """Say what latency and memory derive from: a fit through all cases, or the last one alone."""
    fitted, linear = f"fitted to {', '.join(e.label for e in own)}", f"linear from {own[-1].label}"
    if fits_latency == fits_peak:
        return f"{unit} and bytes, {fitted if fits_latency else linear}"
    latency, peak = (fitted, linear) if fits_latency else (linear, fitted)
    return f"{unit}, {latency}, and bytes, {peak}"


def _extend(x: Sequence[float], y: Sequence[float], target: float) -> tuple[int, bool]:
    """Extend y(x) to ``target``: an affine fit (relative least squares) with no negative part.

    Returns:
        The value, and whether it is fitted; otherwise it is in proportion to the last one.
    """
    if len(x) > 1 and len(set(x)) > 1:
        weights = 1 / np.asarray(y).clip(min=1)
        slope, offset = np.polyfit(x, y, 1, w=weights)
        if slope > 0 and offset >= 0:
            return round(float(offset + slope * target)), True
    return round(y[-1] * target / x[-1]), False
