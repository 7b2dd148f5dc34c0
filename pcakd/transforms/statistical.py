"""Whitening-colouring (ZCA), Monge-Kantorovich (OT) and AdaIN as affine maps.

Source: the formulas that the authors of PCA-KD released, with their regulariser I made λI:

* ``zca``: A = (C_s + λI)^½ (C_c + λI)^-½ (Li et al., "Universal Style Transfer via Feature
  Transforms", NeurIPS 2017, with symmetric roots).
* ``ot``: A = P^-½ (P^½ C_s P^½ + λ²I)^½ P^-½ with P = C_c + λI (Li et al., "A Closed-Form Solution
  to Universal Style Transfer", ICCV 2019). The authors add I in all three roots; the middle one
  holds a product of two covariances, so another λ enters it squared: features scaled by t and λ by
  t² then give the same map, as they do in ``zca``.
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

Linear = Callable[[Float[Tensor, "c c"], Float[Tensor, "c c"], float], Float[Tensor, "c c"]]


def _regularized(covariance: Tensor, regularizer: float) -> Tensor:
    eye = torch.eye(covariance.shape[0], dtype=covariance.dtype, device=covariance.device)
    return covariance + regularizer * eye


def _zca(content: Tensor, style: Tensor, regularizer: float) -> Tensor:
    whiten = matrix_power(_regularized(content, regularizer), -0.5)
    return matrix_power(_regularized(style, regularizer), 0.5) @ whiten


def _ot(content: Tensor, style: Tensor, regularizer: float) -> Tensor:
    regular = _regularized(content, regularizer)
    root, inverse = matrix_power(regular, 0.5), matrix_power(regular, -0.5)
    middle = matrix_power(_regularized(root @ style @ root, regularizer**2), 0.5)
    return inverse @ middle @ inverse


def _adain(content: Tensor, style: Tensor, regularizer: float) -> Tensor:
    del regularizer  # AdaIN has a constant of its own
    ratio = (style.diagonal() + _ADAIN_EPSILON) / (content.diagonal() + _ADAIN_EPSILON)
    return torch.diag(ratio.sqrt())


_LINEAR: Registry[Linear] = Registry("transform")
_LINEAR.register("zca", _zca)
_LINEAR.register("ot", _ot)
_LINEAR.register("adain", _adain)


def fit_transform(
    name: str, content: Statistics, style: Statistics, *, regularizer: float
) -> AffineMap:
    """Compute the map that gives content features the style's mean and covariance.

    Args:
        name: ``zca``, ``ot`` or ``adain``.
        content: Moments of the content features.
        style: Moments of the style features, of as many channels.
        regularizer: λ ≥ 0; larger keeps more of the content. ``adain`` ignores it.

    Raises:
        UnknownNameError: There is no such transform.
    """
    linear = _LINEAR.get(name)
    with section("transform"):
        matrix = linear(content.covariance, style.covariance, regularizer)
        return AffineMap(matrix=matrix, offset=style.mean - matrix @ content.mean)
