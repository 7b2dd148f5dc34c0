"""An edge-preserving filter guided by the content: the optional last step of a stylization.

Source: He, Sun and Tang, "Guided Image Filtering", TPAMI 2013; radius 30 and ε = 0.02² on values
in [0, 1] as in the authors' demo ((0.02 · 255)² on 8-bit values). The filter is OpenCV's.
"""

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from pcakd.errors import ShapeError
from pcakd.utils.extras import require_extra
from pcakd.utils.sections import section

RADIUS = 30
EPSILON = 0.02**2
_RANGE = 255.0


def guided_filter(
    image: Float[Tensor, "3 h w"],
    guide: Float[Tensor, "3 h w"],
    *,
    radius: int = RADIUS,
    epsilon: float = EPSILON,
) -> Float[Tensor, "3 h w"]:
    """Smooth an image along the edges of its guide, on the CPU.

    Args:
        image: RGB in [0, 1].
        guide: RGB in [0, 1], of the same size; here the content.
        radius: Of the square window, in pixels.
        epsilon: Variance of the guide, in squared units of [0, 1], below which it smooths.

    Returns:
        RGB clipped to [0, 1], on the device of ``image``.

    Raises:
        ShapeError: The two differ in size.
    """
    _check(image, guide)
    with section("filter"):
        return _filter(image, guide, radius, epsilon)


def _check(image: Tensor, guide: Tensor) -> None:
    if image.shape != guide.shape:
        raise ShapeError(f"guide is {tuple(guide.shape)}, image is {tuple(image.shape)}")


def _filter(image: Tensor, guide: Tensor, radius: int, epsilon: float) -> Tensor:
    ximgproc = require_extra("filter", "cv2.ximgproc", "the guided filter")
    # on [0, 255]: with an ε under 0.01 OpenCV takes small determinants for zero, and on [0, 1] all
    # are small
    planes = [
        np.ascontiguousarray(each.detach().float().cpu().permute(1, 2, 0).numpy()) * _RANGE
        for each in (guide, image)
    ]
    filtered = ximgproc.guidedFilter(
        guide=planes[0], src=planes[1], radius=radius, eps=epsilon * _RANGE**2
    )
    result = torch.from_numpy(filtered).permute(2, 0, 1) / _RANGE
    return result.clamp_(0.0, 1.0).to(image.device)
