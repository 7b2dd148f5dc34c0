"""Affine maps of features."""

import pytest
import torch

from pcakd.linalg import measure_statistics
from pcakd.transforms import TRANSFORMS, apply_affine, blend_with_identity, fit_transform


@pytest.mark.parametrize("name", TRANSFORMS)
def test_strength_blends_features(name):
    generator = torch.Generator().manual_seed(5)
    content, style = torch.randn(2, 6, 24, 24, dtype=torch.float64, generator=generator)
    affine = fit_transform(
        name, measure_statistics(content), measure_statistics(style), regularizer=1.0
    )
    full = apply_affine(content[None], affine)
    for strength in (0.0, 0.3, 1.0):
        blended = apply_affine(content[None], blend_with_identity(affine, strength))
        torch.testing.assert_close(blended, (1 - strength) * content[None] + strength * full)
