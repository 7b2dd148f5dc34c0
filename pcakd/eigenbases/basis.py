"""The eigenbasis of one tap, and the rules that choose its rank.

Source: Chiu and Gurari, CVPR 2022, section 3.2. The authors minimise the mean over images of
‖F̄ - W Wᵀ F̄‖² / N by Adam, where F̄ are an image's centred features and N its pixels. The minimiser
is known: the top eigenvectors of the average within-image covariance. One streaming pass in float64
and one ``eigh`` compute it exactly.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from pcakd.backbones import get_backbone_entry
from pcakd.eigenbases.covariance import CovarianceStream
from pcakd.errors import ConfigError, NumericalError

DEFAULT_MCEV = 0.85
"""The target for backbones that the paper gives no ranks for."""

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
class RankRule:
    """How the ranks of the taps are chosen: exactly one of the three is given.

    Attributes:
        ranks: Explicit ranks, one for each tap.
        mcev: Smallest k whose mean cumulative explained variance reaches this, in (0, 1].
        explained: Smallest k whose basis explains this share, in (0, 1].

    Raises:
        ConfigError: Not exactly one rule is given, a rank is not a positive integer, or a target is
            outside (0, 1].
    """

    ranks: tuple[int, ...] | None = None
    mcev: float | None = None
    explained: float | None = None

    def __post_init__(self) -> None:
        if sum(rule is not None for rule in (self.ranks, self.mcev, self.explained)) != 1:
            raise ConfigError("give exactly one of explicit ranks, an mcev or an explained target")
        ranks = self.ranks if self.ranks is not None else ()
        if not isinstance(ranks, list | tuple) or any(
            type(rank) is not int or rank < 1 for rank in ranks
        ):
            raise ConfigError(f"ranks must be positive integers, got {self.ranks}")
        for name, target in (("mcev", self.mcev), ("explained", self.explained)):
            if target is not None and not (isinstance(target, int | float) and 0.0 < target <= 1.0):
                raise ConfigError(f"the {name} target must lie in (0, 1], got {target}")

    def require_fit(self, backbone: str, widths: Sequence[int]) -> None:
        """Check explicit ranks against the taps of a backbone.

        Args:
            backbone: Its name, for the error message.
            widths: Channels of its taps.

        Raises:
            ConfigError: There is not one rank for each tap, or one exceeds the tap's channels.
        """
        if self.ranks is not None and (
            len(self.ranks) != len(widths)
            or any(rank > width for rank, width in zip(self.ranks, widths, strict=True))
        ):
            raise ConfigError(
                f"ranks {self.ranks} do not fit {backbone}; give one for each tap, at most "
                f"{tuple(widths)}"
            )


def default_rank_rule(backbone: str) -> RankRule:
    """Return the paper's ranks of a backbone; for others the ranks that reach an mcev of 0.85.

    Raises:
        UnknownNameError: There is no such backbone.

    >>> default_rank_rule("vgg19").ranks
    (10, 20, 58, 64)
    """
    ranks = get_backbone_entry(backbone).ranks
    return RankRule(ranks=ranks) if ranks else RankRule(mcev=DEFAULT_MCEV)


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
    values, vectors = torch.linalg.eigh(stream.covariance)
    values, vectors = values.flip(0).clamp_min(0.0), vectors.flip(1)
    total = values.sum()
    if float(total) <= _FLAT * len(values) * stream.power:
        raise NumericalError(
            f"the features of tap {tap} do not vary within any image: there is no variance to "
            "explain; use photographs that are not of one colour"
        )
    explained = values.cumsum(0) / total
    rank = _choose_rank(rule, tap, stream.mcev_curve, explained)
    columns = vectors[:, :rank]
    peaks = columns.gather(0, columns.abs().argmax(dim=0, keepdim=True))
    return Eigenbasis(
        basis=(columns * peaks.sign()).float().contiguous(),
        eigenvalues=values,
        mcev=float(stream.mcev_curve[rank - 1]),
        explained=float(explained[rank - 1]),
    )


def _choose_rank(rule: RankRule, tap: int, mcev_curve: Tensor, explained: Tensor) -> int:
    channels = len(explained)
    if rule.ranks is not None:
        rank = rule.ranks[tap - 1]
        if not 1 <= rank <= channels:
            raise ConfigError(f"rank {rank} of tap {tap} is not between 1 and {channels}")
        return rank
    target, curve = (
        (rule.mcev, mcev_curve) if rule.mcev is not None else (rule.explained, explained)
    )
    reached = curve >= float(target or 1.0) - 1e-12
    return int(reached.int().argmax()) + 1 if bool(reached.any()) else channels
