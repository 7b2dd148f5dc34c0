"""The colour transfer that can end a stylization: one affine map of all colours of an image.

Source: Pitié and Kokaram, "The linear Monge-Kantorovitch linear colour mapping for example-based
colour transfer", CVMP 2007. It is the transform ``ot`` at the image itself. Departure: λ keeps flat
images, whose covariance is little more than noise, from being amplified without bound.
"""

import torch
from jaxtyping import Float
from torch import Tensor

from pcakd.linalg import Statistics
from pcakd.transforms.affine import AffineMap
from pcakd.transforms.statistical import fit_transform
from pcakd.utils.sections import section

COLOUR_REGULARIZER = 64.0
"""λ of the map in square levels of 8 bits: about 0.02 of a photograph's variance in a channel."""

_LEVELS = 255.0


def fit_colour_transfer(
    image: Statistics, style: Statistics, *, regularizer: float = COLOUR_REGULARIZER
) -> AffineMap:
    """Compute the map that gives an image the mean and covariance of the style's colours.

    Args:
        image: Moments of the image's colours, in [0, 1].
        style: Moments of the style's colours.
        regularizer: λ ≥ 0 in square levels of 8 bits.
    """
    affine = fit_transform("ot", _in_levels(image), _in_levels(style), regularizer=regularizer)
    return AffineMap(matrix=affine.matrix, offset=affine.offset / _LEVELS)


def _in_levels(moments: Statistics) -> Statistics:
    """Scale moments from [0, 1] to [0, 255], far above the floor of `matrix_power`."""
    return Statistics(mean=moments.mean * _LEVELS, covariance=moments.covariance * _LEVELS**2)


def apply_to_colours(image: Float[Tensor, "3 h w"], affine: AffineMap) -> None:
    """Map the colours of an image where it lies; the values are not clipped.

    This is `apply_affine` without a second image in memory, and without gradients.

    Args:
        image: Any float type; channels-last is the fast layout.
        affine: One map.
    """
    wide = torch.promote_types(image.dtype, torch.float32)
    matrix, offset = affine.matrix.to(wide), affine.offset.to(wide)
    with section("transform"):
        pixels = image.permute(1, 2, 0)
        pixels.copy_(torch.addmm(offset, pixels.flatten(0, 1).to(wide), matrix.mT).view_as(pixels))
