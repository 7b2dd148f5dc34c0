"""Monge-Kantorovich colour transfer: the linear map between two colour distributions."""

import torch
from jaxtyping import Float
from torch import Tensor

from pcakd.linalg import Statistics, measure_statistics
from pcakd.transforms import AffineMap, apply_affine, fit_transform

_LEVELS = 255.0


@torch.inference_mode()
def transfer_mkl(
    content: Float[Tensor, "3 h w"], style: Float[Tensor, "3 h2 w2"]
) -> Float[Tensor, "3 h w"]:
    """Give the content the mean and covariance of the style's colours by optimal transport.

    Args:
        content: RGB in [0, 1].
        style: RGB in [0, 1], of any size.

    Returns:
        RGB clipped to [0, 1], of the size of the content.

    Source: Pitié and Kokaram, "The linear Monge-Kantorovitch linear colour mapping for
        example-based colour transfer", CVMP 2007: T = C_c^-½ (C_c^½ C_s C_c^½)^½ C_c^-½ on RGB.
        This is the transform ``ot`` of ``pcakd`` without its regulariser. Departures: covariances
        divide by N; directions in which the content has no variance (eigenvalues below 1e-5 square
        levels of 255) keep none; the result is clipped.
    """
    affine = fit_transform(
        "ot",
        _in_levels(measure_statistics(content)),
        _in_levels(measure_statistics(style)),
        regularizer=0.0,
    )
    unit = AffineMap(matrix=affine.matrix, offset=affine.offset / _LEVELS)
    return apply_affine(content[None], unit)[0].clamp_(0.0, 1.0)


def _in_levels(statistics: Statistics) -> Statistics:
    """Scale moments of colours from [0, 1] to [0, 255], where 1e-5 is negligible."""
    return Statistics(mean=statistics.mean * _LEVELS, covariance=statistics.covariance * _LEVELS**2)
