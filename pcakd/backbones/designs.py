"""The design of a student whose blocks are like those of a teacher."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor, nn

from pcakd.backbones.interface import Backbone
from pcakd.blocks import BlockDesign, BlockKind

_PROBE = 64  # side in pixels of the test image; the last tap then has at least 4
_MAX_EXPANSION = 16.0


@dataclass(frozen=True, slots=True, kw_only=True)
class _Layer:
    """A convolution that ran, and the side in pixels of its output."""

    conv: nn.Conv2d
    side: int

    @property
    def depthwise(self) -> bool:
        return self.conv.groups > 1 and self.conv.groups == self.conv.in_channels and self.spatial

    @property
    def spatial(self) -> bool:
        return max(self.conv.kernel_size) > 1

    @property
    def pointwise(self) -> bool:
        return not self.spatial and self.conv.groups == 1


def describe_blocks(backbone: Backbone) -> tuple[BlockDesign, ...]:
    """Return the designs of four blocks like those of a teacher.

    A block without depthwise convolutions is ``conv`` (plain and residual networks). A block with a
    depthwise convolution between an expansion and a projection is ``inverted``, with the expansion
    ratio of the first one. Any other block is ``separable``. A tap with negative values is linear.

    Args:
        backbone: A teacher of ``nn.Conv2d`` modules.

    Returns:
        One design for each block, with the strides of the teacher.
    """
    taps, layers = _run(backbone)
    designs = []
    before = 1
    for block, (tap, stride) in enumerate(zip(taps, backbone.strides, strict=True)):
        kind, expansion = _classify(layers[block])
        designs.append(
            BlockDesign(
                kind=kind,
                stride=stride // before,
                expansion=expansion,
                linear=float(tap.min()) < 0.0,
            )
        )
        before = stride
    return tuple(designs)


def _run(backbone: Backbone) -> tuple[list[Tensor], list[list[_Layer]]]:
    """Return the taps of a random image, and the convolutions before each tap, in order."""
    ran: list[_Layer] = []
    made: list[tuple[Tensor, int]] = []  # each output, and how many convolutions ran before it

    def record(module: nn.Module, _: object, output: object) -> None:
        if not isinstance(output, Tensor):
            return
        if isinstance(module, nn.Conv2d) and output.shape[-1] > 1:  # not squeeze-and-excitation
            ran.append(_Layer(conv=module, side=output.shape[-1]))
        made.append((output, len(ran)))

    weight = next(backbone.parameters())
    image = torch.rand(1, 3, _PROBE, _PROBE, generator=torch.Generator().manual_seed(0))
    hooks = [module.register_forward_hook(record) for module in backbone.modules()]
    try:
        with torch.inference_mode():
            taps = backbone(image.to(weight))
    finally:
        for hook in hooks:
            hook.remove()
    ends = [_end(tap, made, ran) for tap in taps]
    return taps, [ran[start:end] for start, end in pairwise((0, *ends))]


def _end(tap: Tensor, made: Sequence[tuple[Tensor, int]], ran: Sequence[_Layer]) -> int:
    """Return how many convolutions ran before a tap."""
    for output, count in made:
        if output is tap:
            return count
    # no module returned this tensor: take the last convolution of its size
    return max((n for n, layer in enumerate(ran, 1) if layer.side >= tap.shape[-1]), default=0)


def _classify(layers: Sequence[_Layer]) -> tuple[BlockKind, float]:
    """Return the kind of a block and its expansion ratio."""
    places = [number for number, layer in enumerate(layers) if layer.depthwise]
    for place in places:
        expansion = _expansion(layers, place)
        if expansion is not None:
            return "inverted", min(expansion, _MAX_EXPANSION)
    return ("separable" if places else "conv"), 1.0


def _expansion(layers: Sequence[_Layer], place: int) -> float | None:
    """Return the ratio of a depthwise convolution's channels to its block's; None if at most 1."""
    hidden = layers[place].conv.out_channels
    after = next((layer.conv for layer in layers[place + 1 :] if layer.pointwise), None)
    if place == 0 or after is None or hidden <= after.out_channels:
        return None
    widening = layers[place - 1]
    # in the first block the stem, which reads three colours, replaces the expansion
    narrow = widening.conv.in_channels if widening.pointwise else after.out_channels
    return hidden / narrow if hidden > narrow else None
