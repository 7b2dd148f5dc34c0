"""Rules that choose the ranks of the taps."""

from collections.abc import Sequence
from dataclasses import dataclass

from pcakd.backbones import get_backbone_entry
from pcakd.errors import ConfigError

DEFAULT_MCEV = 0.85
"""The target for backbones that the paper gives no ranks for."""


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
