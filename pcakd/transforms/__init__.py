"""Feature transforms: each is an affine map that is computed from two sets of statistics."""

from pcakd.transforms.affine import AffineMap, apply_affine, blend_with_identity
from pcakd.transforms.statistical import (
    TRANSFORMS,
    TransformName,
    fit_transform,
    require_transform,
)

__all__ = [
    "TRANSFORMS",
    "AffineMap",
    "TransformName",
    "apply_affine",
    "blend_with_identity",
    "fit_transform",
    "require_transform",
]
