"""Histogram matching of each colour channel."""

import torch
from jaxtyping import Float
from torch import Tensor

from bench.profiling.uncounted import mark_uncounted


@torch.inference_mode()
def transfer_histogram(
    content: Float[Tensor, "3 h w"], style: Float[Tensor, "3 h2 w2"]
) -> Float[Tensor, "3 h w"]:
    """Match the histogram of each colour channel of the content to that of the style.

    Args:
        content: RGB in [0, 1].
        style: RGB in [0, 1], of any size.

    Returns:
        RGB clipped to [0, 1], of the size of the content.

    Source: `skimage.exposure.match_histograms` (Gonzalez and Woods, "Digital Image Processing",
        histogram specification), on RGB. It computes on the CPU; on a GPU its latency includes
        the copies. Departures: a constant channel of the content gets the style's mean, where
        scikit-image gives its maximum; the result is clipped.
    """
    return _match(content, style).clamp_(0.0, 1.0)


def _match_channels(content: Tensor, style: Tensor) -> Tensor:
    from skimage.exposure import match_histograms

    image, goal = (each.cpu().numpy() for each in (content, style))
    matched = match_histograms(image, goal, channel_axis=0)
    output = torch.from_numpy(matched).to(content)
    constant = content.amax((1, 2)) == content.amin((1, 2))
    mean = style.mean((1, 2))
    return torch.where(constant[:, None, None], mean[:, None, None], output)


_match = mark_uncounted("match_histograms", _match_channels)
