"""Whitening and colouring (ZCA), optimal transport (OT) and AdaIN as affine maps.

Source: the formulas that the authors of PCA-KD released, with λI in place of their regulariser I:

* ``zca``: A = (C_s + λI)^½ (C_c + λI)^-½ (Li et al., "Universal Style Transfer via Feature
  Transforms", NeurIPS 2017, with symmetric roots).
* ``ot``: A = P^-½ (P^½ C_s P^½ + λ²I)^½ P^-½ with P = C_c + λI (Li et al., "A Closed-Form Solution
  to Universal Style Transfer", ICCV 2019). The authors add I in all three roots. The middle one
  holds a product of two covariances, so λ enters it squared: the map stays the same when features
  are scaled by t and λ by t², as in ``zca``.
* ``adain``: A = diag((σ_s² + 1e-8)^½ / (σ_c² + 1e-8)^½) (Huang and Belongie, ICCV 2017).

In each, b = μ_s - A μ_c.
"""

from collections.abc import Callable
from typing import Literal, get_args

import torch
from jaxtyping import Float
from torch import Tensor

from pcakd.linalg import Statistics, matrix_power
from pcakd.transforms.affine import AffineMap
from pcakd.utils.registry import Registry
from pcakd.utils.sections import section

TransformName = Literal["zca", "ot", "adain"]
TRANSFORMS: tuple[TransformName, ...] = get_args(TransformName)

_ADAIN_EPSILON = 1e-8

Linear = Callable[
    [Float[Tensor, "*b c c"], Float[Tensor, "*b c c"], float], Float[Tensor, "*b c c"]
]


def _regularized(covariance: Tensor, regularizer: float) -> Tensor:
    eye = torch.eye(covariance.shape[-1], dtype=covariance.dtype, device=covariance.device)
    return covariance + regularizer * eye


def _zca(content: Tensor, style: Tensor, regularizer: float) -> Tensor:
    colour = matrix_power(_regularized(style, regularizer), 0.5)
    return colour @ matrix_power(_regularized(content, regularizer), -0.5)


def _ot(content: Tensor, style: Tensor, regularizer: float) -> Tensor:
    regular = _regularized(content, regularizer)
    root, inverse = matrix_power(regular, 0.5), matrix_power(regular, -0.5)
    middle = matrix_power(_regularized(root @ style @ root, regularizer**2), 0.5)
    return inverse @ middle @ inverse


def _adain(content: Tensor, style: Tensor, regularizer: float) -> Tensor:
    del regularizer  # AdaIN has its own constant
    variances = (each.diagonal(dim1=-2, dim2=-1) + _ADAIN_EPSILON for each in (style, content))
    ratio = next(variances) / next(variances)
    roots = ratio.sqrt()
    return torch.diag(roots) if roots.dim() == 1 else torch.diag_embed(roots)


_LINEAR: Registry[Linear] = Registry("transform")
_LINEAR.register("zca", _zca)
_LINEAR.register("ot", _ot)
_LINEAR.register("adain", _adain)


def fit_transform(
    name: str, content: Statistics, style: Statistics, *, regularizer: float
) -> AffineMap:
    """Compute the map that gives content features the style's mean and covariance.

    With batches of moments, there is one map for each image. Gradients flow to both moments.

    Args:
        name: ``zca``, ``ot`` or ``adain``.
        content: Moments of the content features.
        style: Moments of the style features, of as many channels; one for all or one for each.
        regularizer: λ ≥ 0; larger keeps more of the content. ``adain`` ignores it.

    Raises:
        UnknownNameError: There is no such transform.
    """
    linear = _LINEAR.get(name)
    with section("transform"):
        matrix = linear(content.covariance, style.covariance, regularizer)
        return AffineMap(matrix=matrix, offset=style.mean - _multiply(matrix, content.mean))


def require_transform(name: str) -> None:
    """Check the name of a transform.

    Raises:
        UnknownNameError: There is no such transform.
    """
    _LINEAR.get(name)


def _multiply(matrix: Float[Tensor, "*b c c"], vector: Float[Tensor, "*b c"]) -> Tensor:
    return matrix @ vector if matrix.dim() == 2 else (matrix @ vector[..., None])[..., 0]
