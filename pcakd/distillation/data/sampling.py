"""How training crops are drawn from photographs."""

from dataclasses import dataclass

from pcakd.errors import ConfigError


@dataclass(frozen=True, slots=True, kw_only=True)
class Sampling:
    """Settings of random crops.

    Attributes:
        zoom: Smallest and largest side, in pixels of the photograph, of the square that is scaled
            to a crop. The side is drawn uniformly in its logarithm and limited by the photograph's
            size. None cuts crops without scaling.
        exposure: Share of crops with a random change of exposure and colour balance.
        image_pairs: Whether crops form image pairs, each crop the style of the other.
        identity_share: Share of image pairs that are identity pairs: content and style are the
            same crop, so stylizing should change nothing.

    Raises:
        ConfigError: A value is out of range.
    """

    zoom: tuple[int, int] | None = None
    exposure: float = 0.0
    image_pairs: bool = False
    identity_share: float = 0.0

    def __post_init__(self) -> None:
        if self.zoom is not None and not _rises(self.zoom):
            raise ConfigError(f"zoom must be two rising numbers of pixels from 16, got {self.zoom}")
        if not (0.0 <= self.exposure <= 1.0 and 0.0 <= self.identity_share <= 1.0):
            raise ConfigError("exposure and identity_share must lie in [0, 1]")

    @property
    def group_size(self) -> int:
        """Number of crops drawn together: 2 for image pairs, otherwise 1."""
        return 2 if self.image_pairs else 1


def _rises(zoom: object) -> bool:
    if not isinstance(zoom, tuple) or len(zoom) != 2:
        return False
    return all(isinstance(each, int) for each in zoom) and 16 <= zoom[0] <= zoom[1]
