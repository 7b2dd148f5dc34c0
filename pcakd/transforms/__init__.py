"""Feature transforms: affine maps computed from the statistics of content and style."""

from pcakd.transforms.affine import AffineMap, apply_affine, blend_with_identity
from pcakd.transforms.colours import apply_to_colours, fit_colour_transfer
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
    "apply_to_colours",
    "blend_with_identity",
    "fit_colour_transfer",
    "fit_transform",
    "require_transform",
]
