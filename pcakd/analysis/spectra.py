"""Spectra of a teacher's taps over photographs, global and of each photograph.

Source: Chiu and Gurari, CVPR 2022, section 3.2; the effective rank is that of Roy and Vetterli,
"The effective rank: a measure of effective dimensionality", EUSIPCO 2007: the exponential of the
entropy of the eigenvalues' shares.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from pcakd.analysis.spool import TapMoments
from pcakd.eigenbases import Spectrum, fit_spectrum, smallest_rank
from pcakd.errors import NumericalError
from pcakd.linalg import eigh

SHARES = (0.75, 0.85, 0.95)
"""Shares of the variance whose ranks are listed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TapSpectra:
    """The spectra of one tap.

    Attributes:
        spectrum: The global principal components, and mcev at each rank.
        captured_curve: The share of a photograph's variance that the first 1 to C global components
            hold, averaged over photographs. mcev is its upper bound: what each photograph's own
            components hold.
        own_deviation: Standard deviation of the photographs' own curves around mcev.
        effective_rank: Of the global eigenvalues.
        own_effective_ranks: Of each photograph's own eigenvalues.
        own_ranks: Each photograph's rank at `SHARES`, photographs by shares.
    """

    spectrum: Spectrum
    captured_curve: Float[Tensor, " c"]
    own_deviation: Float[Tensor, " c"]
    effective_rank: float
    own_effective_ranks: Float[Tensor, " n"]
    own_ranks: Float[Tensor, "n s"]


def average(photographs: Iterable[TapMoments]) -> tuple[Float[Tensor, "c c"], float]:
    """Return the average within-image covariance at a tap, and the mean square of its features.

    Raises:
        NumericalError: There is no photograph.
    """
    total, power, count = torch.tensor(0.0), 0.0, 0
    for moments in photographs:
        total = total + moments.covariance
        power += float((moments.covariance.diagonal() + moments.mean.square()).mean())
        count += 1
    if not count:
        raise NumericalError("no photograph was given: a spectrum needs at least one")
    return total / count, power / count


def effective_rank(values: Float[Tensor, " c"]) -> float:
    """Return the effective rank of eigenvalues; 0 if there is no variance.

    >>> round(effective_rank(torch.tensor([1.0, 1.0, 1.0, 0.0])), 6)
    3.0
    """
    total = values.sum()
    if total <= 0:
        return 0.0
    shares = values / total
    return float(torch.exp(torch.special.entr(shares).sum()))


def analyze_tap(
    photographs: Iterable[TapMoments],
    covariance: Float[Tensor, "c c"],
    *,
    tap: int,
    power: float,
) -> TapSpectra:
    """Compare each photograph's own principal components with the global ones.

    A photograph of one colour has no variance: every rank explains all of it.

    Args:
        photographs: The moments of each photograph at this tap; at least one.
        covariance: Their average covariance.
        tap: Which tap, 1 to 4, for error messages.
        power: Mean square of the features, to tell variance from rounding.

    Raises:
        NumericalError: The features do not vary within any photograph.
    """
    channels = len(covariance)
    own_sum, own_square, captured = (torch.zeros(channels, dtype=torch.float64) for _ in range(3))
    ones = torch.ones(channels, dtype=torch.float64)
    components = fit_spectrum(covariance, ones, tap=tap, power=power).components.double()
    effective, ranks = [], []
    for moments in photographs:
        own = moments.covariance
        values = eigh(own)[0].flip(0).clamp_min(0.0)
        total = values.sum()
        curve = values.cumsum(0) / total if total > 0 else ones
        own_sum += curve
        own_square += curve.square()
        held = (components * (own @ components)).sum(dim=0).cumsum(0)
        captured += held / held[-1] if held[-1] > 0 else ones
        effective.append(effective_rank(values))
        ranks.append([float(smallest_rank(curve, share)) for share in SHARES])
    count = len(ranks)
    mean = own_sum / count
    spectrum = fit_spectrum(covariance, mean, tap=tap, power=power)
    return TapSpectra(
        spectrum=spectrum,
        captured_curve=captured / count,
        own_deviation=(own_square / count - mean.square()).clamp_min(0.0).sqrt(),
        effective_rank=effective_rank(spectrum.eigenvalues),
        own_effective_ranks=torch.tensor(effective, dtype=torch.float64),
        own_ranks=torch.tensor(ranks, dtype=torch.float64),
    )
