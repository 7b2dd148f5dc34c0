"""Channels of maps on one scale, before they share one range of 8 bits.

Principal coefficients differ by orders of magnitude between channels, and so do maps after
depthwise convolutions. A ReLU, a maximum and an enlargement commute with a positive factor for each
channel, so a factor can move from a map into the convolutions around it, which changes nothing in
exact arithmetic (Xiao et al., *SmoothQuant*, ICML 2023; Nagel et al., *Data-Free Quantization*,
ICCV 2019). Weights have a scale for each output channel anyway; a depthwise convolution takes the
whole factor, another one its square root.
"""

import copy
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from bench.quantization.graph import Steps
from pcakd.blocks import Conv, ConvLayer, Stage

_LEAST = 0.03  # of the largest channel: one that is silent here may be loud in another photograph


@dataclass(frozen=True, slots=True, kw_only=True)
class Equalised:
    """Stages whose maps have channels of about one range.

    Attributes:
        steps: The stages with changed layers.
        divisor: What the input is divided by, ``(1, c, 1, 1)``.
        factor: What the output is multiplied by, ``(1, c, 1, 1)``.
    """

    steps: Steps
    divisor: Tensor
    factor: Tensor


@torch.no_grad()
def equalise(steps: Steps, inputs: Sequence[Tensor]) -> Equalised:
    """Return stages that do the same between a division and a multiplication of channels.

    Args:
        steps: Consecutive stages of a block, at least one convolution among them.
        inputs: Maps that go in, ``(1, c, h, w)``.
    """
    ranges = _channel_ranges(steps, inputs)
    layers: list[ConvLayer | None] = []
    current: ConvLayer | None = None  # the convolution that made the map
    divisor: Tensor | None = None
    for (stage, layer), found in zip(steps, ranges[:-1], strict=True):
        if not isinstance(stage, Conv) or not isinstance(layer, ConvLayer):
            layers.append(None)
            continue
        own = copy.deepcopy(layer)
        scale = _scale(stage, own, found)
        _multiply_inputs(stage, own, scale)
        if current is None:
            divisor = scale
        else:
            _divide_outputs(current, scale)
        layers.append(own)
        current = own
    if current is None or divisor is None:
        raise ValueError("there is no convolution whose input could be equalised")
    factor = _bounded(ranges[-1])
    _divide_outputs(current, factor)
    changed: list[tuple[Stage, nn.Module | None]] = [
        (stage, layer) for (stage, _), layer in zip(steps, layers, strict=True)
    ]
    return Equalised(steps=changed, divisor=_as_map(divisor), factor=_as_map(factor))


def _channel_ranges(steps: Steps, inputs: Sequence[Tensor]) -> list[Tensor]:
    """Return the largest magnitude of each channel before each stage, and after the last."""
    found: list[Tensor] = []
    for features in inputs:
        maps = [features]
        for stage, layer in steps:
            maps.append(stage.run(maps[-1], None, layer))
        own = [each.abs().amax(dim=(0, 2, 3)) for each in maps]
        found = [torch.maximum(*pair) for pair in zip(found, own, strict=True)] if found else own
    return found


def _scale(stage: Conv, layer: ConvLayer, found: Tensor) -> Tensor:
    """Return the factors of the channels of a convolution's input."""
    ranges = _bounded(found)
    if stage.depthwise:
        return ranges
    weights = _bounded(layer.conv.weight.abs().amax(dim=(0, 2, 3)))
    return _bounded((ranges / weights).sqrt())


def _bounded(ranges: Tensor) -> Tensor:
    """Divide by the largest one, and keep off zero."""
    most = ranges.max()
    return (ranges / most).clamp_min(_LEAST) if float(most) > 0 else torch.ones_like(ranges)


def _multiply_inputs(stage: Conv, layer: ConvLayer, scale: Tensor) -> None:
    shape = (-1, 1, 1, 1) if stage.depthwise else (1, -1, 1, 1)
    layer.conv.weight.mul_(scale.view(shape))


def _divide_outputs(layer: ConvLayer, scale: Tensor) -> None:
    layer.conv.weight.div_(scale.view(-1, 1, 1, 1))
    if layer.conv.bias is not None:
        layer.conv.bias.div_(scale)


def _as_map(values: Tensor) -> Tensor:
    return values.view(1, -1, 1, 1)
