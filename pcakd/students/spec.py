"""What a student is made of: stages derived from an architecture and four ranks."""

from dataclasses import dataclass
from itertools import pairwise
from typing import Literal, TypeAlias, get_args

from pcakd.blocks import AddResidual, Block, ConcatResidual, Conv, MaxPool, Upsample
from pcakd.errors import ConfigError
from pcakd.registry import unknown_name

Architecture = Literal["vgg16", "vgg19", "mobilenet_v1", "tiny"]
ARCHITECTURES: tuple[Architecture, ...] = get_args(Architecture)
Ranks: TypeAlias = tuple[int, int, int, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class StudentSpec:
    """A student by its family and widths.

    Attributes:
        architecture: Which stages: ``vgg16``, ``vgg19``, ``mobilenet_v1`` or ``tiny``.
        ranks: Channels of the four taps, the ranks of the eigenbases.
        colour_conv: Whether a 1 × 1 convolution of colours precedes the first layer, as in the
            authors' VGG students.

    Raises:
        ConfigError: The ranks are not four positive integers.
        UnknownNameError: There is no such architecture.
    """

    architecture: Architecture
    ranks: Ranks
    colour_conv: bool = False

    def __post_init__(self) -> None:
        if self.architecture not in ARCHITECTURES:
            raise unknown_name("architecture", self.architecture, ARCHITECTURES)
        if len(self.ranks) != 4 or any(type(k) is not int or k < 1 for k in self.ranks):
            raise ConfigError(f"ranks must be four positive integers, got {self.ranks!r}")

    @property
    def stride(self) -> int:
        """Pixels of the image per pixel of the last tap: sizes are padded to a multiple of it."""
        return 16 if self.architecture == "mobilenet_v1" else 8


# 3 × 3 convolutions from a tap to the pooling that follows it: convN_2 … of each teacher
_VGG_CONVS_BEFORE_POOL = {"vgg16": (1, 1, 2), "vgg19": (1, 1, 3), "tiny": (0, 0, 0)}
_VGG_DECODER_CONVS = {"vgg16": (2, 2, 4), "vgg19": (2, 2, 4), "tiny": (2, 2, 2)}


def encoder_blocks(spec: StudentSpec) -> tuple[Block, ...]:
    """Return the stages of the four encoder blocks; block b ends at tap b."""
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
    """Return the stages of decoder blocks 1 to 4; block b leads from tap b to what precedes it."""
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
