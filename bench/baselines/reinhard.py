"""Reinhard colour transfer: mean and deviation of each Lab channel."""

import torch
from jaxtyping import Float
from torch import Tensor

from bench.baselines.colour import lab_to_rgb, rgb_to_lab

_FLAT = 0.01  # Lab units; a channel with a smaller deviation is constant up to rounding


@torch.inference_mode()
def transfer_reinhard(
    content: Float[Tensor, "3 h w"], style: Float[Tensor, "3 h2 w2"]
) -> Float[Tensor, "3 h w"]:
    """Shift and scale each Lab channel of the content to the style's mean and deviation.

    Args:
        content: sRGB in [0, 1].
        style: sRGB in [0, 1], of any size.

    Returns:
        sRGB clipped to [0, 1], of the size of the content.

    Source: Reinhard, Ashikhmin, Gooch and Shirley, "Color Transfer between Images", IEEE Computer
        Graphics and Applications 2001, eq. 10 and 11. Departures: CIELAB (D65) takes the place of
        Ruderman's lαβ, as in most implementations; a channel in which the content does not vary
        is shifted, not scaled; no swatches; the result is clipped.
    """
    lab = rgb_to_lab(content)
    mean, deviation = _moments(lab)
    goal_mean, goal_deviation = _moments(rgb_to_lab(style))
    scale = torch.where(deviation > _FLAT, goal_deviation / deviation.clamp_min(_FLAT), 1.0)
    return lab_to_rgb(lab.sub_(mean).mul_(scale).add_(goal_mean)).clamp_(0.0, 1.0)


def _moments(
    image: Float[Tensor, "c h w"],
) -> tuple[Float[Tensor, "c 1 1"], Float[Tensor, "c 1 1"]]:
    """Return mean and standard deviation (divided by N) of each channel."""
    variance, mean = torch.var_mean(image, dim=(1, 2), correction=0, keepdim=True)
    return mean, variance.sqrt()
