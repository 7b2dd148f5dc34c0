"""The principal components of a tap, all of them and the first k.

Source: Chiu and Gurari, CVPR 2022, section 3.2. The authors minimise the mean over images of
‖F̄ - W Wᵀ F̄‖² / N by Adam, where F̄ are an image's centred features and N its pixels. The minimiser
is known: the top eigenvectors of the average within-image covariance. One streaming pass in float64
and one ``eigh`` compute it exactly.
"""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from pcakd.eigenbases.covariance import CovarianceStream
from pcakd.eigenbases.rank_rule import RankRule
from pcakd.errors import ConfigError, NumericalError

_FLAT = 1e-10  # features that vary by less than 1e-5 of their size are constant up to rounding


@dataclass(frozen=True, slots=True, kw_only=True)
class Eigenbasis:
    """The eigenbasis of one tap.

    Attributes:
        basis: W, ``C × k``, float32, orthonormal columns, sorted by falling eigenvalue; the entry
            of largest magnitude of each column is positive.
        eigenvalues: All C eigenvalues of the average within-image covariance, falling, float64.
        mcev: Mean cumulative explained variance: the share of an image's variance that its own top
            k components hold, averaged over images.
        explained: The share of the average variance that this basis holds.
    """

    basis: Float[Tensor, "c k"]
    eigenvalues: Float[Tensor, " c"]
    mcev: float
    explained: float

    @property
    def rank(self) -> int:
        """k, the number of columns."""
        return self.basis.shape[1]


@dataclass(frozen=True, slots=True, kw_only=True)
class Spectrum:
    """All principal components of one tap, and what each number of them explains.

    Attributes:
        components: ``C × C``, float32, orthonormal columns, sorted by falling eigenvalue; the entry
            of largest magnitude of each column is positive.
        eigenvalues: Those of the average within-image covariance, falling, float64.
        mcev_curve: Mean cumulative explained variance at ranks 1 to C, float64.
    """

    components: Float[Tensor, "c c"]
    eigenvalues: Float[Tensor, " c"]
    mcev_curve: Float[Tensor, " c"]

    @property
    def explained_curve(self) -> Float[Tensor, " c"]:
        """The share of the average variance that the first 1 to C components hold."""
        return self.eigenvalues.cumsum(0) / self.eigenvalues.sum()

    def choose_rank(self, rule: RankRule, *, tap: int) -> int:
        """Return the rank that a rule asks for.

        Args:
            rule: How the rank is chosen.
            tap: Which tap, 1 to 4; it selects the explicit rank.

        Raises:
            ConfigError: The rank is not between 1 and the number of channels.
        """
        channels = len(self.eigenvalues)
        if rule.ranks is not None:
            rank = rule.ranks[tap - 1]
            if not 1 <= rank <= channels:
                raise ConfigError(f"rank {rank} of tap {tap} is not between 1 and {channels}")
            return rank
        if rule.mcev is not None:
            return smallest_rank(self.mcev_curve, rule.mcev)
        return smallest_rank(self.explained_curve, float(rule.explained or 1.0))

    def truncate(self, rank: int) -> Eigenbasis:
        """Return the eigenbasis of the first components."""
        return Eigenbasis(
            basis=self.components[:, :rank].contiguous(),
            eigenvalues=self.eigenvalues,
            mcev=float(self.mcev_curve[rank - 1]),
            explained=float(self.explained_curve[rank - 1]),
        )


def smallest_rank(curve: Float[Tensor, " c"], share: float) -> int:
    """Return the smallest rank at which a rising curve reaches a share; C if it never does.

    >>> smallest_rank(torch.tensor([0.5, 0.8, 1.0]), 0.75)
    2
    """
    reached = curve >= share - 1e-12
    return int(reached.int().argmax()) + 1 if bool(reached.any()) else len(curve)


def fit_spectrum(
    covariance: Float[Tensor, "c c"],
    mcev_curve: Float[Tensor, " c"],
    *,
    tap: int,
    power: float,
) -> Spectrum:
    """Factorise the average within-image covariance of a tap.

    Args:
        covariance: The average, float64.
        mcev_curve: Mean cumulative explained variance at ranks 1 to C.
        tap: Which tap, 1 to 4, for the error message.
        power: Mean square of the features, to tell variance from rounding.

    Raises:
        NumericalError: The features do not vary within any image.
    """
    values, vectors = torch.linalg.eigh(covariance)
    values, vectors = values.flip(0).clamp_min(0.0), vectors.flip(1)
    if float(values.sum()) <= _FLAT * len(values) * power:
        raise NumericalError(
            f"the features of tap {tap} do not vary within any image: there is no variance to "
            "explain; use photographs that are not of one colour"
        )
    peaks = vectors.gather(0, vectors.abs().argmax(dim=0, keepdim=True))
    return Spectrum(
        components=(vectors * peaks.sign()).float().contiguous(),
        eigenvalues=values,
        mcev_curve=mcev_curve,
    )


def fit_eigenbasis(stream: CovarianceStream, *, tap: int, rule: RankRule) -> Eigenbasis:
    """Factorise the average covariance of a tap and keep as many columns as the rule asks for.

    Args:
        stream: The covariances of the tap.
        tap: Which tap, 1 to 4; it selects the explicit rank.
        rule: How the rank is chosen.

    Raises:
        ConfigError: The rank is not between 1 and the number of channels.
        NumericalError: The features do not vary within any image.
        ShapeError: The stream has no image.
    """
    spectrum = fit_spectrum(stream.covariance, stream.mcev_curve, tap=tap, power=stream.power)
    return spectrum.truncate(spectrum.choose_rank(rule, tap=tap))
