"""sRGB to CIELAB and back, on any device.

scikit-image converts on the CPU only, so a GPU would also be timed for copies. It is the oracle of
the tests.

Convention: sRGB primaries and transfer curve, white D65 (2° observer), images ``3 × h × w``; L runs
from 0 to 100.
"""

import torch
from jaxtyping import Float
from torch import Tensor

_XYZ_FROM_RGB = (
    (0.412453, 0.357580, 0.180423),
    (0.212671, 0.715160, 0.072169),
    (0.019334, 0.119193, 0.950227),
)
_WHITE = (0.95047, 1.0, 1.08883)
_LAB_FROM_F = ((0.0, 116.0, 0.0), (500.0, -500.0, 0.0), (0.0, 200.0, -200.0))
_L_OFFSET = 16.0
_LINEAR_BELOW, _SLOPE = 0.008856, 7.787  # CIELAB's straight piece near black


def rgb_to_lab(image: Float[Tensor, "3 h w"]) -> Float[Tensor, "3 h w"]:
    """Convert sRGB in [0, 1] to CIELAB.

    Source: IEC 61966-2-1 and CIE 15, with the rounded constants of scikit-image.
    """
    linear = torch.where(image > 0.04045, ((image + 0.055) / 1.055) ** 2.4, image / 12.92)
    ratio = _mix(_matrix(image, inverse=False), linear)
    f = torch.where(ratio > _LINEAR_BELOW, ratio.pow(1 / 3), _SLOPE * ratio + 16 / 116)
    lab = _mix(image.new_tensor(_LAB_FROM_F), f)
    lab[0] -= _L_OFFSET
    return lab


def lab_to_rgb(lab: Float[Tensor, "3 h w"]) -> Float[Tensor, "3 h w"]:
    """Convert CIELAB to sRGB; colours outside the gamut exceed 1 or are clipped to 0."""
    level = (lab[0] + _L_OFFSET) / 116.0
    f = torch.stack([level + lab[1] / 500.0, level, level - lab[2] / 200.0])
    edge = _SLOPE * _LINEAR_BELOW + 16 / 116
    ratio = torch.where(f > edge, f**3, (f - 16 / 116) / _SLOPE)
    linear = _mix(_matrix(lab, inverse=True), ratio).clamp_min_(0.0)
    return torch.where(linear > 0.0031308, 1.055 * linear.pow(1 / 2.4) - 0.055, linear * 12.92)


def _matrix(like: Tensor, *, inverse: bool) -> Float[Tensor, "3 3"]:
    """Return the matrix from linear RGB to XYZ over the white's XYZ, or its inverse."""
    to_xyz = torch.tensor(_XYZ_FROM_RGB, dtype=torch.float64)
    matrix = to_xyz / torch.tensor(_WHITE, dtype=torch.float64)[:, None]
    return (torch.linalg.inv(matrix) if inverse else matrix).to(like)


def _mix(matrix: Float[Tensor, "3 3"], image: Float[Tensor, "3 h w"]) -> Float[Tensor, "3 h w"]:
    """Multiply each pixel's vector by a matrix."""
    return (matrix @ image.flatten(1)).view_as(image)
