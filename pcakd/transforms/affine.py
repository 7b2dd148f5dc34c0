"""An affine map of feature vectors, and how it is applied to a feature map."""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from pcakd.utils.sections import section


@dataclass(frozen=True, slots=True, kw_only=True)
class AffineMap:
    """The map ``x ↦ A x + b`` of one pixel's feature vector.

    Attributes:
        matrix: A, shape ``(c, c)``.
        offset: b, shape ``(c,)``.
    """

    matrix: Float[Tensor, "c c"]
    offset: Float[Tensor, " c"]


def blend_with_identity(affine: AffineMap, strength: float) -> AffineMap:
    """Return ``x ↦ (1 - s) x + s (A x + b)``, so that a strength costs no pass over the pixels.

    Args:
        affine: The map T.
        strength: s in [0, 1]; 0 is the identity, 1 is T.
    """
    if strength == 1.0:
        return affine
    identity = torch.eye(
        affine.offset.shape[0], dtype=affine.matrix.dtype, device=affine.matrix.device
    )
    return AffineMap(
        matrix=(1.0 - strength) * identity + strength * affine.matrix,
        offset=strength * affine.offset,
    )


def apply_affine(features: Float[Tensor, "b c h w"], affine: AffineMap) -> Float[Tensor, "b c h w"]:
    """Apply an affine map to each pixel, in one pass and in the type of the features."""
    weight = affine.matrix.to(features.dtype)[:, :, None, None]
    with section("transform"):
        return F.conv2d(features, weight, affine.offset.to(features.dtype))
