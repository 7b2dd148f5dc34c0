"""Convolutions that PyTorch runs faster if it is asked in another way."""

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

_SMALL = 20_480  # values of one map up to which PyTorch does without oneDNN


def convolve(
    features: Float[Tensor, "b c h w"],
    weight: Float[Tensor, "out in k k"],
    bias: Float[Tensor, " out"] | None = None,
    *,
    stride: int = 1,
    groups: int = 1,
) -> Float[Tensor, "b out h2 w2"]:
    """Return ``F.conv2d`` without padding; pointwise, and without gradients, it is faster on a CPU.

    On one thread, PyTorch runs a pointwise convolution as a matrix product, also where oneDNN is
    faster. It asks oneDNN if the kernel is dilated, and dilation does not change a
    kernel of one pixel. Small maps and other layouts stay with PyTorch's choice.
    """
    dilation = 2 if _is_for_onednn(features, weight) else 1
    return F.conv2d(features, weight, bias, stride=stride, dilation=dilation, groups=groups)


def _is_for_onednn(features: Tensor, weight: Tensor) -> bool:
    return (
        weight.shape[2:] == (1, 1)
        and features.device.type == "cpu"
        and features.dtype == torch.float32
        and features.stride(1) == 1 < features.shape[1]  # channels-last
        and (features.numel() > _SMALL or len(features) > 1)
        and not torch.is_grad_enabled()  # trainings stay what they are, bit for bit
        and torch.backends.mkldnn.is_available()  # type: ignore[no-untyped-call]
    )
