"""The autoencoder of all peers: VGG to relu4_1, and a decoder that mirrors it.

Convention: widths 64, 128, 256 and 512; every convolution is padded by reflection; a 1 × 1
convolution of colours comes first and does the pre-processing (``conv0`` of the released encoders).
"""

from collections.abc import Callable
from itertools import pairwise
from typing import Literal, get_args

from torch import Tensor

from pcakd.blocks import (
    Autoencoder,
    Block,
    Conv,
    ConvLayer,
    Features,
    RunBlock,
    Source,
    Stage,
    run_plain,
)

Depth = Literal["vgg16", "vgg19"]
DEPTHS: tuple[Depth, ...] = get_args(Depth)

WIDTHS = (64, 128, 256, 512)
STRIDE = 8
REGULARIZER = 1.0
"""λ of the transform: the released codes add the identity to covariances of such features."""

_CONVS: dict[Depth, tuple[int, int, int]] = {"vgg16": (1, 1, 2), "vgg19": (1, 1, 3)}
"""Convolutions before the poolings of the encoder, and after the unpoolings of the decoder."""


class VggAutoencoder(Autoencoder):
    """A full-width VGG encoder and the decoder that mirrors it.

    Encoder blocks 2 to 4 are divided in two: the convolutions before the pooling, whose output is
    the decoder's source, and the pooling with the convolution that ends at the tap.

    Args:
        pool: The stages that halve the maps; empty if the subclass pools between the two parts.
        unpool: Returns the decoder's stages that double maps of a number of channels.
        widening: Channels after ``unpool`` over those before.
        depth: VGG-16 or VGG-19; they differ in one convolution before the third pooling, and in one
            of the decoder.
        levels: Number of encoder and of decoder blocks, 1 to 4.
    """

    def __init__(
        self,
        *,
        pool: tuple[Stage, ...],
        unpool: Callable[[int], tuple[Stage, ...]],
        widening: int = 1,
        depth: Depth = "vgg19",
        levels: int = 4,
    ) -> None:
        super().__init__(
            _encoder(depth, pool)[: 2 * levels - 1],
            _decoder(depth, unpool, widening)[:levels],
            stride=STRIDE,
            regularizer=REGULARIZER,
        )
        self.depth: Depth = depth
        self._pool_stages = pool
        self.levels = levels

    def encode_block(
        self, block: int, features: Features, *, run: RunBlock = run_plain
    ) -> tuple[Features, Source]:
        """Run encoder block 1 to 4; the source is the map before the pooling."""
        if block == 1:
            return run(self.encoder, 1, features), features
        before = run(self.encoder, 2 * block - 2, features)
        return run(self.encoder, 2 * block - 1, before), before

    def encoder_layers(self, block: int) -> list[ConvLayer]:
        """Return the convolutions of encoder block 1 to 4, in order."""
        if block == 1:
            return self.encoder.layers(1)
        return [*self.encoder.layers(2 * block - 2), *self.encoder.layers(2 * block - 1)]

    def mirror_targets(self, block: int, features: Features) -> list[Tensor]:
        """Return the target of each convolution of a decoder block: the encoder's maps, reversed.

        The last target is ``features``, the image or the features at the tap before.
        """
        if block == 1:
            return [features]
        maps = [features]
        for layer in self.encoder.layers(2 * block - 2):
            maps.append(layer(maps[-1]))
        pooled = self.pool_map(block, maps.pop())
        return [pooled, *maps[::-1]]

    def pool_map(self, block: int, before: Features) -> Features:
        """Halve the map before the pooling of block 2 to 4."""
        del block
        for stage in self._pool_stages:
            before = stage.run(before)
        return before


def _encoder(depth: Depth, pool: tuple[Stage, ...]) -> tuple[Block, ...]:
    blocks: list[Block] = [
        (
            Conv(in_channels=3, out_channels=3, kernel_size=1, relu=False),
            Conv(in_channels=3, out_channels=WIDTHS[0]),
        )
    ]
    for (k, n), convs in zip(pairwise(WIDTHS), _CONVS[depth], strict=True):
        blocks.append((Conv(in_channels=k, out_channels=k),) * convs)
        blocks.append((*pool, Conv(in_channels=k, out_channels=n)))
    return tuple(blocks)


def _decoder(
    depth: Depth, unpool: Callable[[int], tuple[Stage, ...]], widening: int
) -> tuple[Block, ...]:
    blocks: list[Block] = [(Conv(in_channels=WIDTHS[0], out_channels=3, relu=False),)]
    for (k, n), convs in zip(pairwise(WIDTHS), _CONVS[depth], strict=True):
        blocks.append(
            (
                Conv(in_channels=n, out_channels=k),
                *unpool(k),
                Conv(in_channels=widening * k, out_channels=k),
                *((Conv(in_channels=k, out_channels=k),) * (convs - 1)),
            )
        )
    return tuple(blocks)
