"""An affine map of feature vectors, and how it is applied to a feature map."""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from pcakd.utils.convolutions import convolve
from pcakd.utils.sections import section


@dataclass(frozen=True, slots=True, kw_only=True)
class AffineMap:
    """The map ``x ↦ A x + b`` of one pixel's feature vector, or one map for each image of a batch.

    Attributes:
        matrix: A, shape ``(c, c)`` or ``(b, c, c)``.
        offset: b, shape ``(c,)`` or ``(b, c)``.
    """

    matrix: Float[Tensor, "*b c c"]
    offset: Float[Tensor, "*b c"]


def blend_with_identity(affine: AffineMap, strength: float) -> AffineMap:
    """Return ``x ↦ (1 - s) x + s (A x + b)``, so that a strength costs no pass over the pixels.

    Args:
        affine: The map T.
        strength: s in [0, 1]; 0 is the identity, 1 is T.
    """
    if strength == 1.0:
        return affine
    identity = torch.eye(
        affine.offset.shape[-1], dtype=affine.matrix.dtype, device=affine.matrix.device
    )
    return AffineMap(
        matrix=(1.0 - strength) * identity + strength * affine.matrix,
        offset=strength * affine.offset,
    )


def apply_affine(features: Float[Tensor, "b c h w"], affine: AffineMap) -> Float[Tensor, "b c h w"]:
    """Apply an affine map to each pixel, in one pass and in the type of the features.

    Args:
        features: Feature maps.
        affine: One map for all images, or a batch of one map for each image.
    """
    matrix, offset = affine.matrix.to(features.dtype), affine.offset.to(features.dtype)
    with section("transform"):
        if matrix.dim() == 2:
            return convolve(features, matrix[:, :, None, None], offset)
        mapped = torch.baddbmm(offset[..., None], matrix, features.flatten(2))
    return mapped.view_as(features).contiguous(memory_format=torch.channels_last)
