"""Whitening and colouring of batches with gradients that stay finite.

Source: the transform is ``zca`` of `pcakd.transforms`. Backward through ``eigh`` divides by
differences of eigenvalues, which vanish where two are equal; the derivative of a matrix function
needs no such quotient (Daleckii and Krein, 1965): with A = U Λ Uᵀ and divided differences
K_ij = (f(λ_i) - f(λ_j)) / (λ_i - λ_j), df = U (K ∘ Uᵀ dA U) Uᵀ, and for square roots K is
1 / (√λ_i + √λ_j), for inverse ones -1 / (√λ_i √λ_j (√λ_i + √λ_j)).
"""

from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from pcakd.linalg import accumulation_dtype, eigh

_FLOOR = 1e-5  # as in pcakd.linalg: smaller eigenvalues count as this


class SymmetricRoot(torch.autograd.Function):
    """A^½ or A^-½ of symmetric positive definite matrices ``(b, c, c)``."""

    @staticmethod
    def forward(ctx: Any, matrix: Tensor, inverse: bool) -> Tensor:
        """Factorise and take the root; what is not finite has no root, and gives NaN."""
        if not bool(matrix.isfinite().all()):
            matrix = torch.zeros_like(matrix)
            ctx.save_for_backward(matrix[..., 0], matrix)
            ctx.inverse = inverse
            return torch.full_like(matrix, torch.nan)
        values, vectors = eigh(matrix)
        roots = values.clamp_min(_FLOOR).sqrt()
        ctx.save_for_backward(roots, vectors)
        ctx.inverse = inverse
        powers = roots.reciprocal() if inverse else roots
        return (vectors * powers[..., None, :]) @ vectors.mT

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None]:
        """Multiply by the divided differences, in the basis of eigenvectors."""
        roots, vectors = ctx.saved_tensors
        (gradient,) = gradients
        rows, columns = roots[..., :, None], roots[..., None, :]
        quotients = 1.0 / (rows + columns)
        if ctx.inverse:
            quotients = -quotients / (rows * columns)
        symmetric = 0.5 * (gradient + gradient.mT)
        return vectors @ (quotients * (vectors.mT @ symmetric @ vectors)) @ vectors.mT, None


def measure_batch(features: Float[Tensor, "b c h w"]) -> tuple[Tensor, Tensor]:
    """Return means ``(b, c, 1)`` and covariances ``(b, c, c)`` over the pixels of each image.

    Convention: a covariance divides by the number of pixels; both are in float64, on MPS float32.
    """
    wide = accumulation_dtype(features.device)
    pixels = features.flatten(2)
    mean = pixels.mean(dim=2, keepdim=True)
    centred = pixels - mean
    covariance = torch.bmm(centred, centred.mT).to(wide) / pixels.shape[2]
    return mean.to(wide), covariance


def whiten_and_colour(
    features: Float[Tensor, "b c h w"], style: tuple[Tensor, Tensor], *, regularizer: float
) -> Float[Tensor, "b c h w"]:
    """Give each image's features the mean and covariance of a style.

    Args:
        features: Of the contents.
        style: What :func:`measure_batch` found of the styles.
        regularizer: λ.
    """
    mean, covariance = measure_batch(features)
    ridge = regularizer * torch.eye(
        covariance.shape[-1], dtype=covariance.dtype, device=covariance.device
    )
    colour: Tensor = SymmetricRoot.apply(style[1] + ridge, False)
    whiten: Tensor = SymmetricRoot.apply(covariance + ridge, True)
    matrix = colour @ whiten
    offset = style[0] - matrix @ mean
    mapped = torch.baddbmm(
        offset.to(features.dtype), matrix.to(features.dtype), features.flatten(2)
    )
    return mapped.view_as(features).contiguous(memory_format=torch.channels_last)
