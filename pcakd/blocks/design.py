"""Block pairs of a student, described by numbers, and the stages that they stand for."""

import math
from dataclasses import dataclass, field, replace
from typing import Literal, get_args

from pcakd.blocks.convolution import Conv
from pcakd.blocks.residuals import AddResidual, ConcatResidual
from pcakd.blocks.stage import Block
from pcakd.blocks.upsampling import Upsample
from pcakd.errors import ConfigError

BlockKind = Literal["conv", "separable", "inverted"]
BLOCK_KINDS: tuple[BlockKind, ...] = get_args(BlockKind)
DecoderKind = Literal["conv", "separable"]
DECODER_KINDS: tuple[DecoderKind, ...] = get_args(DecoderKind)
_STRIDES = (1, 2, 4)
_MOST_EXPANSION = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class BlockDesign:
    """One block pair: an encoder block of some type, and the decoder block that undoes it.

    Attributes:
        kind: ``conv`` (full 3 × 3 convolutions), ``separable`` (depthwise, then pointwise) or
            ``inverted`` (pointwise expansion, depthwise, linear pointwise projection).
        stride: Size of its input over that of its tap: 1, 2 or 4.
        expansion: Channels of the depthwise convolution of an ``inverted`` block, as a multiple of
            the block's input channels; in block 1, whose input is RGB, of its output channels.
        linear: Whether the tap has no ReLU.
        decoder: Convolutions of the decoder block: ``conv`` (two full 3 × 3) or ``separable``
            (pointwise before the enlargement, depthwise, and after the residual depthwise and
            pointwise). Block 1's only convolution, to RGB, is always a full one.

    Raises:
        ConfigError: A value is of the wrong type or out of range.
    """

    kind: BlockKind
    stride: int
    expansion: float = 1.0
    linear: bool = False
    # not in repr(), which is part of the hash of recorded subjects
    decoder: DecoderKind = field(default="conv", repr=False)

    def __post_init__(self) -> None:
        if self.kind not in BLOCK_KINDS:
            raise ConfigError(f"a block is one of {', '.join(BLOCK_KINDS)}, not {self.kind!r}")
        if type(self.stride) is not int or self.stride not in _STRIDES:
            raise ConfigError(f"a block's stride must be 1, 2 or 4, got {self.stride!r}")
        if type(self.expansion) not in (int, float) or not 0 < self.expansion <= _MOST_EXPANSION:
            raise ConfigError(
                f"an expansion must lie in (0, {_MOST_EXPANSION}], got {self.expansion!r}"
            )
        if type(self.linear) is not bool:
            raise ConfigError(f"linear must be true or false, got {self.linear!r}")
        if self.decoder not in DECODER_KINDS:
            raise ConfigError(
                f"a decoder block is one of {', '.join(DECODER_KINDS)}, not {self.decoder!r}"
            )

    @property
    def halvings(self) -> tuple[int, ...]:
        """The strides of the block's convolutions, whose product is the block's."""
        return (2,) * int(math.log2(self.stride)) or (1,)


def design_encoder(design: BlockDesign, channels: int, width: int, *, first: bool) -> Block:
    """Return the stages of an encoder block.

    The first block of every kind begins with a full 3 × 3 convolution. It replaces the expansion
    and takes the stride of the first depthwise convolution.

    Args:
        design: The block.
        channels: Channels of its input.
        width: Channels of its tap.
        first: Whether its input is the image.
    """
    if design.kind == "conv":
        inner = _full_convs(design, channels, width, first=first)
    else:
        inner = _depthwise_convs(design, channels, width, first=first)
    tap = replace(inner[-1], relu=not design.linear, signed=design.linear)
    return (*inner[:-1], tap)


def _full_convs(design: BlockDesign, channels: int, width: int, *, first: bool) -> list[Conv]:
    strides = design.halvings if first else (*design.halvings, 1)
    convs = []
    for stride in strides:
        convs.append(Conv(in_channels=channels, out_channels=width, stride=stride))
        channels = width
    return convs


def _depthwise_convs(design: BlockDesign, channels: int, width: int, *, first: bool) -> list[Conv]:
    strides = design.halvings
    hidden = width if first else channels
    convs = []
    if design.kind == "inverted":
        hidden = max(1, round(design.expansion * hidden))
    if first:
        convs.append(Conv(in_channels=channels, out_channels=hidden, stride=strides[0]))
        strides = strides[1:] or (1,)
    elif design.kind == "inverted":
        convs.append(Conv(in_channels=channels, out_channels=hidden, kernel_size=1))
    for stride in strides:
        convs.append(Conv(in_channels=hidden, out_channels=hidden, stride=stride, depthwise=True))
    return [*convs, Conv(in_channels=hidden, out_channels=width, kernel_size=1)]


def design_decoder(
    design: BlockDesign, channels: int, width: int, *, before: BlockDesign | None
) -> Block:
    """Return the stages of the decoder block that undoes an encoder block.

    Args:
        design: The encoder block.
        channels: Channels of the encoder block's input.
        width: Channels of its tap.
        before: The encoder block whose tap this block reconstructs; None if it is the image.
    """
    larger = [Upsample() for stride in design.halvings if stride > 1]
    if before is None:
        last = Conv(in_channels=width + channels, out_channels=channels, relu=False)
        return (*larger, ConcatResidual(), last)
    last = Conv(
        in_channels=channels,
        out_channels=channels,
        relu=not before.linear,  # a linear tap has values of both signs
        signed=before.linear,
    )
    if design.decoder == "conv":
        return (*larger, Conv(in_channels=width, out_channels=channels), AddResidual(), last)
    depthwise = Conv(in_channels=channels, out_channels=channels, depthwise=True)
    narrow = Conv(in_channels=width, out_channels=channels, kernel_size=1)
    return (narrow, *larger, depthwise, AddResidual(), depthwise, replace(last, kernel_size=1))
