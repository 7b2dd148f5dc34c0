"""What a teacher's blocks are made of, seen by running it: the design of a student of that type."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor, nn

from pcakd.backbones.interface import Backbone
from pcakd.blocks import BlockDesign, BlockKind

_PROBE = 64  # pixels a side: the last tap has four at least
_MOST_EXPANSION = 16.0


@dataclass(frozen=True, slots=True, kw_only=True)
class _Layer:
    """A convolution that ran, and the side of the map that it made."""

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
    """Return designs of four block pairs like those of a teacher.

    A block without depthwise convolutions is ``conv`` (plain and residual networks); one with a
    depthwise convolution between an expansion and a projection is ``inverted``, with the first such
    one's ratio; any other is ``separable``. A tap with negative values is linear.

    Args:
        backbone: A teacher of ``nn.Conv2d`` modules.

    Returns:
        One design a block, of the teacher's strides.
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
    """Return the taps of a random image, and the convolutions that led to each, in order."""
    ran: list[_Layer] = []
    made: list[tuple[Tensor, int]] = []  # each map, and how many convolutions had run by then

    def note(module: nn.Module, _: object, output: object) -> None:
        if not isinstance(output, Tensor):
            return
        if isinstance(module, nn.Conv2d) and output.shape[-1] > 1:  # not those that weigh channels
            ran.append(_Layer(conv=module, side=output.shape[-1]))
        made.append((output, len(ran)))

    weight = next(backbone.parameters())
    image = torch.rand(1, 3, _PROBE, _PROBE, generator=torch.Generator().manual_seed(0))
    hooks = [module.register_forward_hook(note) for module in backbone.modules()]
    try:
        with torch.inference_mode():
            taps = backbone(image.to(weight))
    finally:
        for hook in hooks:
            hook.remove()
    ends = [_end(tap, made, ran) for tap in taps]
    return taps, [ran[start:end] for start, end in pairwise((0, *ends))]


def _end(tap: Tensor, made: Sequence[tuple[Tensor, int]], ran: Sequence[_Layer]) -> int:
    """Return how many convolutions lead to a tap: those before it was first there."""
    for output, count in made:
        if output is tap:
            return count
    # a map that no module returned: it comes after the last convolution of its size
    return max((n for n, layer in enumerate(ran, 1) if layer.side >= tap.shape[-1]), default=0)


def _classify(layers: Sequence[_Layer]) -> tuple[BlockKind, float]:
    """Return the kind of a block and its ratio of expansion."""
    places = [number for number, layer in enumerate(layers) if layer.depthwise]
    for place in places:
        expansion = _expansion(layers, place)
        if expansion is not None:
            return "inverted", min(expansion, _MOST_EXPANSION)
    return ("separable" if places else "conv"), 1.0


def _expansion(layers: Sequence[_Layer], place: int) -> float | None:
    """Return how much wider a depthwise convolution is than its block; None if it is not wider."""
    hidden = layers[place].conv.out_channels
    after = next((layer.conv for layer in layers[place + 1 :] if layer.pointwise), None)
    if place == 0 or after is None or hidden <= after.out_channels:
        return None
    widening = layers[place - 1]
    # a stem takes the place of the first block's expansion, whose input are three colours
    narrow = widening.conv.in_channels if widening.pointwise else after.out_channels
    return hidden / narrow if hidden > narrow else None
