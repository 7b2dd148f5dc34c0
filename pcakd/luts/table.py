"""A three-dimensional look-up table of colours, and its application."""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from pcakd.errors import ConfigError, ShapeError
from pcakd.tiling import map_bands

LEAST_SIZE, MOST_SIZE = 2, 65


@dataclass(frozen=True, slots=True, kw_only=True)
class Lut:
    """A look-up table.

    Attributes:
        values: Results at a regular grid over [0, 1]³: ``values[r, g, b]`` is the RGB that the
            colour (r, g, b) / (n - 1) becomes; sRGB values as image files hold them.

    Raises:
        ConfigError: The grid has under 2 or over 65 points a side, or a value is not finite.
    """

    values: Float[Tensor, "n n n 3"]

    def __post_init__(self) -> None:
        shape = self.values.shape
        if len(shape) != 4 or len({*shape[:3]}) != 1 or shape[3] != 3:
            raise ConfigError(f"a look-up table has the shape (n, n, n, 3), got {tuple(shape)}")
        if not LEAST_SIZE <= shape[0] <= MOST_SIZE:
            raise ConfigError(
                f"a look-up table has {LEAST_SIZE} to {MOST_SIZE} points a side, got {shape[0]}"
            )
        if not bool(self.values.isfinite().all()):
            raise ConfigError("a value of the look-up table is not finite")

    @property
    def size(self) -> int:
        """Points a side."""
        return self.values.shape[0]


def identity_lut(size: int) -> Lut:
    """Return the table that changes nothing.

    >>> identity_lut(3).values[2, 1, 0].tolist()
    [1.0, 0.5, 0.0]
    """
    axis = torch.linspace(0.0, 1.0, size)
    return Lut(values=torch.stack(torch.meshgrid(axis, axis, axis, indexing="ij"), dim=-1))


@torch.no_grad()
def apply_lut(lut: Lut, image: Float[Tensor, "3 h w"]) -> Float[Tensor, "3 h w"]:
    """Apply a table to an image, trilinearly, in bands of rows.

    Args:
        lut: The table.
        image: RGB in [0, 1]; values outside are clipped.

    Returns:
        RGB, clipped to [0, 1], of the image's type and on its device.

    Raises:
        ShapeError: The image is not 3 × h × w.
    """
    if image.dim() != 3 or image.shape[0] != 3 or image.numel() == 0:
        raise ShapeError(f"expected an image of shape (3, h, w), got {tuple(image.shape)}")
    # grid_sample addresses (x, y, z) = the last, the middle and the first axis of a volume
    volume = lut.values.to(image.device, torch.float32).permute(3, 2, 1, 0)[None]
    result = torch.empty_like(image)

    def run(part: Tensor, place: Tensor) -> None:
        grid = part.float().clamp(0.0, 1.0).permute(1, 2, 0)[None, None] * 2.0 - 1.0
        mapped = F.grid_sample(
            volume, grid, mode="bilinear", padding_mode="border", align_corners=True
        )
        place.copy_(mapped[0, :, 0].clamp_(0.0, 1.0))

    map_bands(run, image, result)
    return result
