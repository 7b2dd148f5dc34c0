"""The colour transfer that can end a stylization: one affine map of all colours of an image.

Source: Pitié and Kokaram, "The linear Monge-Kantorovitch linear colour mapping for example-based
colour transfer", CVMP 2007. It is the transform ``ot`` at the image itself. Departure: λ is added
to both covariances, so that flat images, whose covariance is little more than noise, are not
amplified without bound. An image that has the style's moments stays as it is.
"""

import torch
from jaxtyping import Float
from torch import Tensor

from pcakd.linalg import LEAST_GROUPED, Statistics, without_autocast
from pcakd.transforms.affine import AffineMap
from pcakd.transforms.statistical import fit_transform

COLOUR_REGULARIZER = 64.0
"""λ of the map in square levels of 8 bits: about 0.02 of a photograph's variance in a channel."""

_LEVELS = 255.0
_GROUP = 4  # pixels that BLAS maps as one, which is faster than matrices of three columns


def fit_colour_transfer(
    image: Statistics, style: Statistics, *, regularizer: float = COLOUR_REGULARIZER
) -> AffineMap:
    """Compute the map that gives an image the mean and, up to λ, the covariance of a style.

    It is A = P^-½ (P^½ Q P^½)^½ P^-½ with P and Q the covariances of image and style plus λ.

    Args:
        image: Moments of the image's colours, in [0, 1].
        style: Moments of the style's colours.
        regularizer: λ ≥ 0 in square levels of 8 bits.
    """
    one, other = (_in_levels(each, regularizer) for each in (image, style))
    affine = fit_transform("ot", one, other, regularizer=0.0)
    return AffineMap(matrix=affine.matrix, offset=affine.offset / _LEVELS)


def _in_levels(moments: Statistics, regularizer: float) -> Statistics:
    """Scale moments from [0, 1] to [0, 255], far above the floor of `matrix_power`, and add λ."""
    covariance = moments.covariance * _LEVELS**2
    if regularizer:
        eye = torch.eye(3, dtype=covariance.dtype, device=covariance.device)
        covariance = covariance + regularizer * eye
    return Statistics(mean=moments.mean * _LEVELS, covariance=covariance)


def apply_to_colours(image: Float[Tensor, "3 h w"], affine: AffineMap) -> None:
    """Map the colours of an image where it lies; the values are not clipped.

    This is `apply_affine` without a second image in memory, without gradients, and in float32 at
    least, also under autocast.

    Args:
        image: Finite values of any float type; channels-last and whole rows are the fast layout.
        affine: One map.
    """
    wide = torch.promote_types(image.dtype, torch.float32)
    matrix, offset = affine.matrix.to(wide), affine.offset.to(wide)
    with without_autocast(image.device):
        pixels = image.permute(1, 2, 0)
        rows = pixels.flatten(0, 1)
        if not pixels.is_contiguous() or len(rows) < LEAST_GROUPED:
            pixels.copy_(torch.addmm(offset, rows.to(wide), matrix.mT).view_as(pixels))
            return
        even = len(rows) // _GROUP * _GROUP
        several = rows[:even].view(-1, 3 * _GROUP)
        eye = torch.eye(_GROUP, dtype=wide, device=image.device)
        blocks = torch.kron(eye, matrix.mT.contiguous())
        several.copy_(torch.addmm(offset.repeat(_GROUP), several.to(wide), blocks))
        rows[even:] = torch.addmm(offset, rows[even:].to(wide), matrix.mT)
