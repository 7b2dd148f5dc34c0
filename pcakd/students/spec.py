"""Descriptions of students, and the stages of their blocks."""

from dataclasses import dataclass, field
from itertools import pairwise
from math import prod
from typing import Literal, TypeAlias, get_args

from pcakd.blocks import (
    AddResidual,
    Block,
    BlockDesign,
    ConcatResidual,
    Conv,
    MaxPool,
    Upsample,
    design_decoder,
    design_encoder,
    factorise_blocks,
)
from pcakd.errors import ConfigError
from pcakd.utils.registry import unknown_name

Architecture = Literal["vgg16", "vgg19", "mobilenet_v1", "tiny", "designed"]
ARCHITECTURES: tuple[Architecture, ...] = get_args(Architecture)
Ranks: TypeAlias = tuple[int, int, int, int]
_MOST_STRIDE = 16  # the smallest image must reflect into a multiple of it


@dataclass(frozen=True, slots=True, kw_only=True)
class StudentSpec:
    """The description of a student: its family and the widths of its taps.

    Attributes:
        architecture: ``vgg16``, ``vgg19``, ``mobilenet_v1`` or ``tiny``; or ``designed``, whose
            blocks ``designs`` describes.
        ranks: Channels of the four taps, the ranks of the eigenbases.
        colour_conv: Whether a 1 × 1 convolution of the colours comes first, as in the authors' VGG
            students.
        designs: The four block pairs of a ``designed`` student; empty for the others.
        low_rank: Rank of the factors that stand for convolutions, as a share of their channels, in
            (0, 1]; 1 keeps full convolutions (`pcakd.blocks.low_rank`).

    Raises:
        ConfigError: The ranks are not four positive integers, the designs do not fit together, or
            the share of low rank is out of range.
        UnknownNameError: There is no such architecture.
    """

    architecture: Architecture
    ranks: Ranks
    colour_conv: bool = False
    # not in repr(), which is part of the hash of recorded subjects
    designs: tuple[BlockDesign, ...] = field(default=(), repr=False)
    low_rank: float = field(default=1.0, repr=False)

    def __post_init__(self) -> None:
        if self.architecture not in ARCHITECTURES:
            raise unknown_name("architecture", self.architecture, ARCHITECTURES)
        if len(self.ranks) != 4 or any(type(k) is not int or k < 1 for k in self.ranks):
            raise ConfigError(f"ranks must be four positive integers, got {self.ranks!r}")
        if type(self.low_rank) not in (int, float) or not 0 < self.low_rank <= 1:
            raise ConfigError(f"the share of low rank must lie in (0, 1], got {self.low_rank!r}")
        if self.architecture != "designed":
            if self.designs:
                raise ConfigError(f"a student of {self.architecture!r} takes no designs of blocks")
            return
        if len(self.designs) != 4 or not all(isinstance(d, BlockDesign) for d in self.designs):
            raise ConfigError("a designed student needs designs of its four blocks")
        if self.colour_conv:
            raise ConfigError("a designed student has no convolution of colours")
        if self.stride > _MOST_STRIDE:
            raise ConfigError(f"the strides of the blocks multiply to over {_MOST_STRIDE}")

    @property
    def stride(self) -> int:
        """Pixels of the image per pixel of the last tap; sizes are padded to a multiple of it."""
        if self.designs:
            return prod(design.stride for design in self.designs)
        return 16 if self.architecture == "mobilenet_v1" else 8


# 3 × 3 convolutions from a tap to the pooling that follows it: convN_2 … of each teacher
_VGG_CONVS_BEFORE_POOL = {"vgg16": (1, 1, 2), "vgg19": (1, 1, 3), "tiny": (0, 0, 0)}
_VGG_DECODER_CONVS = {"vgg16": (2, 2, 4), "vgg19": (2, 2, 4), "tiny": (2, 2, 2)}


def encoder_blocks(spec: StudentSpec) -> tuple[Block, ...]:
    """Return the stages of encoder blocks 1 to 4; block b ends at tap b."""
    return factorise_blocks(_full_encoder(spec), spec.low_rank)


def _full_encoder(spec: StudentSpec) -> tuple[Block, ...]:
    if spec.designs:
        widths = pairwise((3, *spec.ranks))
        return tuple(
            design_encoder(design, channels, width, first=number == 0)
            for number, (design, (channels, width)) in enumerate(
                zip(spec.designs, widths, strict=True)
            )
        )
    if spec.architecture == "mobilenet_v1":
        return _mobilenet_encoder(spec.ranks)
    first: Block = (Conv(in_channels=3, out_channels=spec.ranks[0]),)
    if spec.colour_conv:
        colour = Conv(in_channels=3, out_channels=3, kernel_size=1, relu=False)
        first = (colour, *first)
    depths = _VGG_CONVS_BEFORE_POOL[spec.architecture]
    later: list[Block] = [
        (
            *(Conv(in_channels=k, out_channels=k) for _ in range(depth)),
            MaxPool(),
            Conv(in_channels=k, out_channels=n),
        )
        for (k, n), depth in zip(pairwise(spec.ranks), depths, strict=True)
    ]
    return (first, *later)


def decoder_blocks(spec: StudentSpec) -> tuple[Block, ...]:
    """Return the stages of decoder blocks 1 to 4; block b leads from tap b to tap b - 1."""
    return factorise_blocks(_full_decoder(spec), spec.low_rank)


def _full_decoder(spec: StudentSpec) -> tuple[Block, ...]:
    if spec.designs:
        widths = pairwise((3, *spec.ranks))
        return tuple(
            design_decoder(design, channels, width, before=before)
            for design, before, (channels, width) in zip(
                spec.designs, (None, *spec.designs[:-1]), widths, strict=True
            )
        )
    if spec.architecture == "mobilenet_v1":
        return _mobilenet_decoder(spec.ranks)
    last = Conv(in_channels=spec.ranks[0] + 3, out_channels=3, relu=False)
    depths = _VGG_DECODER_CONVS[spec.architecture]
    earlier: list[Block] = [
        (
            Conv(in_channels=n, out_channels=k),
            Upsample(),
            *(Conv(in_channels=k, out_channels=k) for _ in range(depth - 2)),
            AddResidual(),
            Conv(in_channels=k, out_channels=k),
        )
        for (k, n), depth in zip(pairwise(spec.ranks), depths, strict=True)
    ]
    return ((ConcatResidual(), last), *earlier)


def _depthwise(channels: int, stride: int = 1) -> Conv:
    return Conv(in_channels=channels, out_channels=channels, stride=stride, depthwise=True)


def _mobilenet_encoder(ranks: Ranks) -> tuple[Block, ...]:
    k1, k2, k3, k4 = ranks
    blocks: list[Block] = [(Conv(in_channels=3, out_channels=k1, stride=2),)]
    blocks.append(
        (_depthwise(k1), Conv(in_channels=k1, out_channels=k2, kernel_size=1), _depthwise(k2, 2))
    )
    for k, n in ((k2, k3), (k3, k4)):
        widen = Conv(in_channels=k, out_channels=n, kernel_size=1)
        mix = Conv(in_channels=n, out_channels=n, kernel_size=1)
        blocks.append((widen, _depthwise(n), mix, _depthwise(n, 2)))
    return tuple(blocks)


def _mobilenet_decoder(ranks: Ranks) -> tuple[Block, ...]:
    last = Conv(in_channels=ranks[0] + 3, out_channels=3, relu=False)
    earlier = [
        (
            Upsample(),
            Conv(in_channels=n, out_channels=k),
            AddResidual(),
            Conv(in_channels=k, out_channels=k),
        )
        for k, n in pairwise(ranks)
    ]
    return ((Upsample(), ConcatResidual(), last), *earlier)
