"""Monge-Kantorovich colour transfer: the linear map between two colour distributions."""

import torch
from jaxtyping import Float
from torch import Tensor

from pcakd.linalg import measure_statistics
from pcakd.transforms import apply_affine, fit_colour_transfer


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
    affine = fit_colour_transfer(
        measure_statistics(content), measure_statistics(style), regularizer=0.0
    )
    return apply_affine(content[None], affine)[0].clamp_(0.0, 1.0)
