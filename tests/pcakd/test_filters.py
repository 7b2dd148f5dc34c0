"""The guided filter against SciPy."""

from functools import partial

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from scipy.ndimage import uniform_filter

from bench.filters.guided_reference import plain_guided_filter
from pcakd.errors import ShapeError
from pcakd.filters import guided_filter


def filtered_by_scipy(image, guide, *, radius, epsilon):
    """He et al.: a local linear model of the guide's colours, by box means."""
    box = partial(uniform_filter, size=2 * radius + 1, mode="reflect")
    colours, values = guide.numpy(), image.numpy()
    means = np.stack([box(plane) for plane in colours]), np.stack([box(plane) for plane in values])
    square = np.stack([[box(a * b) for b in colours] for a in colours])
    covariance = square - means[0][:, None] * means[0][None]
    covariance += epsilon * np.eye(3)[:, :, None, None]
    cross = np.stack([[box(a * b) for b in values] for a in colours])
    cross = cross - means[0][:, None] * means[1][None]
    slopes = np.linalg.solve(covariance.transpose(2, 3, 0, 1), cross.transpose(2, 3, 0, 1))
    slopes = slopes.transpose(2, 3, 0, 1)
    offsets = means[1] - (slopes * means[0][:, None]).sum(axis=0)
    smooth = np.stack([[box(plane) for plane in row] for row in slopes])
    expected = (smooth * colours[:, None]).sum(axis=0) + np.stack([box(each) for each in offsets])
    return expected.clip(0.0, 1.0)


@pytest.mark.parametrize(("height", "width"), [(96, 120), (20, 47)])  # windows cover the latter
@pytest.mark.parametrize("radius", [30, 3])
def test_the_filter_is_the_published_one(height, width, radius):
    coarse = torch.rand(1, 3, 8, 10, generator=torch.Generator().manual_seed(0))
    guide = F.interpolate(coarse, size=(height, width), mode="bicubic")[0].clamp(0.0, 1.0)
    noise = torch.rand(guide.shape, generator=torch.Generator().manual_seed(1))
    image = (guide.flip(0) * 0.8 + 0.05 * noise).clamp(0.0, 1.0)
    options = {"radius": radius, "epsilon": 4e-4}
    plain = plain_guided_filter(image.double(), guide.double(), **options)
    expected = filtered_by_scipy(image.double(), guide.double(), **options)
    np.testing.assert_allclose(plain, expected, atol=1e-9)
    np.testing.assert_allclose(guided_filter(image, guide, **options), plain, atol=2e-4)


def test_images_of_different_sizes_are_refused():
    with pytest.raises(ShapeError, match="guide"):
        guided_filter(torch.rand(3, 8, 8), torch.rand(3, 8, 9))
    with pytest.raises(ShapeError, match="guide"):
        plain_guided_filter(torch.rand(3, 8, 8), torch.rand(3, 8, 9))
