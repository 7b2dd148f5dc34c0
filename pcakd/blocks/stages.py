"""The stages that encoder and decoder blocks are described with, as data."""

from dataclasses import dataclass
from typing import TypeAlias


@dataclass(frozen=True, slots=True, kw_only=True)
class Conv:
    """A convolution with bias, padded by reflection to keep ``size / stride``.

    A stride of 1 pads both sides by half the kernel; a stride of 2 pads (0, 1), right and bottom.

    Attributes:
        in_channels: Of its input.
        out_channels: Of its output.
        kernel_size: Rows and columns of the kernel.
        stride: 1 or 2.
        depthwise: Whether each channel is convolved by itself.
        relu: Whether a ReLU follows.
        signed: Whether what it makes without a ReLU are features, and not the pixels of an image:
            training then normalises them like others.
    """

    in_channels: int
    out_channels: int
    kernel_size: int = 3
    stride: int = 1
    depthwise: bool = False
    relu: bool = True
    signed: bool = False


@dataclass(frozen=True, slots=True)
class MaxPool:
    """A 2 × 2 maximum with stride 2."""


@dataclass(frozen=True, slots=True)
class AvgPool:
    """A 2 × 2 mean with stride 2."""


@dataclass(frozen=True, slots=True)
class Upsample:
    """Bilinear enlargement by 2, half-pixel centres."""


@dataclass(frozen=True, slots=True)
class AddResidual:
    """Adds the high-frequency residual of the matching encoder block."""


@dataclass(frozen=True, slots=True)
class ConcatResidual:
    """Appends the high-frequency residual of the matching encoder block as channels."""


@dataclass(frozen=True, slots=True)
class AddPooledResidual:
    """Adds what average pooling took from the matching encoder block's map.

    That is the map before the pooling minus the pooled one, enlarged again (bilinear).
    """


@dataclass(frozen=True, slots=True)
class MaxUnpool:
    """Enlargement by 2: each value goes where the matching encoder block's map had its maximum."""


@dataclass(frozen=True, slots=True)
class WaveletUnpool:
    """Enlargement by 2 by the inverse Haar transform of the features and three detail bands.

    Attributes:
        channels: Of the features and of each band.
        concat: Whether the four parts and the encoder's map before its pooling are appended as
            channels, ``5 × channels`` in all; otherwise the four parts are summed.
    """

    channels: int
    concat: bool


Stage: TypeAlias = (
    Conv
    | MaxPool
    | AvgPool
    | Upsample
    | AddResidual
    | ConcatResidual
    | AddPooledResidual
    | MaxUnpool
    | WaveletUnpool
)
Block: TypeAlias = tuple[Stage, ...]
