"""Keras' MobileNet-V1 1.0/224 up to conv_dw_6_relu, batch norms folded.

Source: Howard et al., "MobileNets", 2017. Layer names, zero padding, ReLU6 and epsilon 1e-3 are
those of the Keras application.
"""

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from pcakd.backbones.interface import Backbone, PaddedConv, ScaleInput
from pcakd.errors import WeightsError
from pcakd.weights import WeightsCard

TAPS = ("conv1_relu", "conv_dw_2_relu", "conv_dw_4_relu", "conv_dw_6_relu")
WIDTHS = (32, 64, 128, 256)
STRIDES = (2, 4, 8, 16)
_EPSILON = 1e-3
# layers of each block, with their output channels
_LAYERS = (
    (("conv1", 32),),
    (("conv_dw_1", 32), ("conv_pw_1", 64), ("conv_dw_2", 64)),
    (("conv_pw_2", 128), ("conv_dw_3", 128), ("conv_pw_3", 128), ("conv_dw_4", 128)),
    (("conv_pw_4", 256), ("conv_dw_5", 256), ("conv_pw_5", 256), ("conv_dw_6", 256)),
)
_STRIDED = {"conv1", "conv_dw_2", "conv_dw_4", "conv_dw_6"}


def create_mobilenet_v1(tensors: Mapping[str, Tensor], card: WeightsCard | None) -> Backbone:
    """Build the teacher from tensors with Keras' layer names and torch's layouts.

    Args:
        tensors: ``conv1.weight``, ``conv1_bn.{weight,bias,running_mean,running_var}``, …
        card: Where the tensors come from.

    Raises:
        WeightsError: A tensor is missing or has another shape.
    """
    blocks = []
    width = 3
    for layers in _LAYERS:
        modules = []
        for name, channels in layers:
            modules.append(_layer(tensors, name, width, channels))
            width = channels
        blocks.append(nn.Sequential(*modules))
    blocks[0].insert(0, ScaleInput((0.5, 0.5, 0.5), (0.5, 0.5, 0.5)))
    return Backbone(
        name="mobilenet_v1", taps=TAPS, widths=WIDTHS, strides=STRIDES, blocks=blocks, card=card
    )


def _layer(tensors: Mapping[str, Tensor], name: str, width: int, channels: int) -> PaddedConv:
    depthwise, pointwise = "_dw_" in name, "_pw_" in name
    size = 1 if pointwise else 3
    weight = _tensor(
        tensors, f"{name}.weight", (channels, 1 if depthwise else width, size, size)
    ).double()
    kinds = ("weight", "bias", "running_mean", "running_var")
    gamma, beta, mean, var = (
        _tensor(tensors, f"{name}_bn.{kind}", (channels,)).double() for kind in kinds
    )
    scale = gamma * torch.rsqrt(var + _EPSILON)
    padding = (0, 0, 0, 0) if pointwise else (0, 1, 0, 1) if name in _STRIDED else (1, 1, 1, 1)
    return PaddedConv(
        (weight * scale[:, None, None, None]).float(),
        (beta - mean * scale).float(),
        stride=2 if name in _STRIDED else 1,
        groups=channels if depthwise else 1,
        padding=padding,
        mode="constant",
        activation=nn.ReLU6(),
    )


def _tensor(tensors: Mapping[str, Tensor], name: str, shape: tuple[int, ...]) -> Tensor:
    tensor = tensors.get(name)
    if tensor is None or tuple(tensor.shape) != shape:
        found = "absent" if tensor is None else tuple(tensor.shape)
        raise WeightsError(
            f"mobilenet_v1 weights: {name} should be {shape}, is {found}; use another file"
        )
    return tensor
