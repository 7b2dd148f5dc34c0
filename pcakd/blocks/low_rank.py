"""Convolutions of low rank: what one convolution becomes, as stages.

A full k × k convolution becomes a pointwise one to fewer channels, a k × k one between few
channels, and a pointwise one back (Tucker-2, Kim et al., ICLR 2016); a pointwise one becomes two
(a truncated SVD). Convolutions of colours, depthwise ones and those that would not become smaller
stay.
"""

import math
from dataclasses import replace

from pcakd.blocks.convolution import Conv
from pcakd.blocks.stage import Block, Stage

_COLOURS = 3


def factorise_conv(conv: Conv, share: float) -> tuple[Conv, ...]:
    """Return the convolutions that stand for one of low rank; itself if it stays.

    Args:
        conv: The convolution.
        share: Rank as a share of the channels, in (0, 1].

    >>> [each.kernel_size for each in factorise_conv(Conv(in_channels=20, out_channels=40), 0.25)]
    [1, 3, 1]
    """
    if share >= 1 or conv.depthwise or min(conv.in_channels, conv.out_channels) <= _COLOURS:
        return (conv,)
    before, after = (math.ceil(share * each) for each in (conv.in_channels, conv.out_channels))
    found: tuple[Conv, ...]
    if conv.kernel_size == 1:
        rank = min(before, after)
        found = (
            replace(conv, out_channels=rank, stride=1, relu=False, signed=True),
            replace(conv, in_channels=rank),
        )
    else:
        plain = Conv(
            in_channels=conv.in_channels,
            out_channels=before,
            kernel_size=1,
            relu=False,
            signed=True,
        )
        found = (
            plain,
            replace(conv, in_channels=before, out_channels=after, relu=False, signed=True),
            replace(conv, in_channels=after, kernel_size=1, stride=1),
        )
    return found if sum(map(_num_weights, found)) < _num_weights(conv) else (conv,)


def factorise_blocks(blocks: tuple[Block, ...], share: float) -> tuple[Block, ...]:
    """Return blocks whose convolutions are of low rank."""
    return tuple(
        tuple(part for stage in block for part in _factorise_stage(stage, share))
        for block in blocks
    )


def _factorise_stage(stage: Stage, share: float) -> tuple[Stage, ...]:
    return factorise_conv(stage, share) if isinstance(stage, Conv) else (stage,)


def _num_weights(conv: Conv) -> int:
    weights = conv.in_channels * conv.out_channels * conv.kernel_size**2 // conv.groups
    return weights + conv.out_channels
