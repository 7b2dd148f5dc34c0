"""The guided filter in operators of torch: they can be counted, and tests compare with it."""

from collections.abc import Sequence
from functools import partial

import torch
from jaxtyping import Float
from torch import Tensor

from pcakd.errors import ShapeError
from pcakd.filters import EPSILON, RADIUS
from pcakd.utils.sections import section


def plain_guided_filter(
    image: Float[Tensor, "3 h w"],
    guide: Float[Tensor, "3 h w"],
    *,
    radius: int = RADIUS,
    epsilon: float = EPSILON,
) -> Float[Tensor, "3 h w"]:
    """Compute `pcakd.filters.guided_filter` by the formulas of the paper, in operators of torch.

    In float32, running sums lose digits on large images; compare in float64.

    Args:
        image: RGB in [0, 1].
        guide: RGB in [0, 1], of the same size and type.
        radius: Of the square window, in pixels.
        epsilon: Variance of the guide, in squared units of [0, 1], below which it smooths.

    Returns:
        RGB clipped to [0, 1], of the type of ``image``.

    Raises:
        ShapeError: The two differ in size.

    Source: He, Sun and Tang, equations 19 to 21 (a guide in colours, a window at every pixel, its
        means by running sums), the inverse of each 3 × 3 covariance written out. At the edges
        images are reflected, the outermost pixel included, as OpenCV does.
    """
    if image.shape != guide.shape:
        raise ShapeError(f"guide is {tuple(guide.shape)}, image is {tuple(image.shape)}")
    with section("filter"):
        return _plain_filter(image, guide, radius, epsilon)


def _plain_filter(image: Tensor, guide: Tensor, radius: int, epsilon: float) -> Tensor:
    mean = partial(_box_mean, radius=radius)
    colours, values = mean(guide), mean(image)

    def moments(first: int, planes: Tensor, means: Tensor) -> Tensor:
        """Return the covariances of one colour with planes."""
        return mean(guide[first] * planes) - colours[first] * means

    rr, rg, rb = moments(0, guide, colours)
    gg, gb = moments(1, guide[1:], colours[1:])
    (bb,) = moments(2, guide[2:], colours[2:])
    rr, gg, bb = rr + epsilon, gg + epsilon, bb + epsilon
    crosses = [moments(first, image, values) for first in range(3)]
    upper = (gg * bb - gb * gb, gb * rb - rg * bb, rg * gb - gg * rb)
    middle = (upper[1], rr * bb - rb * rb, rb * rg - rr * gb)
    lower = (upper[2], middle[2], rr * gg - rg * rg)
    determinant = _inner((rr, rg, rb), upper)
    slopes = [_inner(row, crosses) / determinant for row in (upper, middle, lower)]
    offsets = values - _inner(colours, slopes)
    smooth = _inner(guide, [mean(each) for each in slopes]) + mean(offsets)
    return smooth.clamp_(0.0, 1.0)


def _inner(weights: Sequence[Tensor] | Tensor, planes: Sequence[Tensor]) -> Tensor:
    """Return the sum of three products."""
    return weights[0] * planes[0] + weights[1] * planes[1] + weights[2] * planes[2]


def _box_mean(planes: Tensor, radius: int) -> Tensor:
    """Return the means over square windows, edges reflected."""
    side = 2 * radius + 1
    for dim in (-1, -2):
        size = planes.shape[dim]
        place = torch.arange(-radius - 1, size + radius, device=planes.device) % (2 * size)
        index = torch.minimum(place, 2 * size - 1 - place)
        sums = planes.index_select(dim, index).cumsum(dim)
        planes = sums.narrow(dim, side, size) - sums.narrow(dim, 0, size)
    return planes / side**2
