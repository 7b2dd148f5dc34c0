"""An autoencoder whose four block pairs are trained, transformed at and run in turn."""

from typing import Protocol, TypeAlias

from torch import Tensor, nn

from pcakd.blocks.layers import BlockStack, ConvLayer, Features, Source
from pcakd.blocks.stages import Block

Regularizer: TypeAlias = float | tuple[float, float, float, float]
"""λ of the feature transform: one for all taps, or one for each of taps 1 to 4."""


class RunBlock(Protocol):
    """How the stages of a block are run: plain here, or tile by tile in `pcakd.tiling`."""

    def __call__(
        self, stack: BlockStack, block: int, features: Features, source: Source | None = None
    ) -> Features:
        """Run a block (numbered from 1) of a stack."""
        ...


def run_plain(
    stack: BlockStack, block: int, features: Features, source: Source | None = None
) -> Features:
    """Run a block stage by stage, with gradients where they are wanted."""
    return stack.run_block(block, features, source)


class Autoencoder(nn.Module):
    """Four encoder blocks that end at taps, and the four decoder blocks that lead back.

    Args:
        encoder: Stages of the encoder; a subclass that cuts blocks in two has more than four.
        decoder: Stages of decoder blocks 1 to 4; block b leads from tap b to tap b - 1, and
            block 1 to the image.
        stride: Pixels of the image per pixel of the last tap: sizes are padded to a multiple.
        regularizer: λ of the feature transform, in the scale of these features.

    Convention:
        Images are RGB in [0, 1]; pre-processing is part of the first convolution.
    """

    def __init__(
        self,
        encoder: tuple[Block, ...],
        decoder: tuple[Block, ...],
        *,
        stride: int,
        regularizer: Regularizer,
    ) -> None:
        super().__init__()
        self.encoder = BlockStack(encoder)
        self.decoder = BlockStack(decoder)
        self.stride = stride
        self.regularizer: Regularizer = regularizer

    @property
    def num_params(self) -> int:
        """Deployed parameters, fixed ones included."""
        return sum(parameter.numel() for parameter in self.parameters())

    def regularizer_at(self, tap: int) -> float:
        """Return λ of the feature transform at tap 1 to 4."""
        return (
            self.regularizer[tap - 1] if isinstance(self.regularizer, tuple) else self.regularizer
        )

    def scale_regularizer(self, factor: float) -> Regularizer:
        """Return λ times a factor."""
        if not isinstance(self.regularizer, tuple):
            return self.regularizer * factor
        first, second, third, fourth = (value * factor for value in self.regularizer)
        return first, second, third, fourth

    def encode_block(
        self, block: int, features: Features, *, run: RunBlock = run_plain
    ) -> tuple[Tensor, Source]:
        """Run encoder block 1 to 4.

        Args:
            block: Which block.
            features: The image, or the features at the tap before.
            run: How to run stages.

        Returns:
            The features at the block's tap, and what decoder block ``block`` takes from the content
            beside them: here what the encoder block read.
        """
        return run(self.encoder, block, features), features

    def encoder_layers(self, block: int) -> list[ConvLayer]:
        """Return the convolutions of encoder block 1 to 4, in order."""
        return self.encoder.layers(block)

    def mirror_targets(self, block: int, features: Features) -> list[Tensor]:
        """Return what each convolution of a decoder block is to lead back to, if that is known.

        Args:
            block: Which block, 1 to 4.
            features: The image, or the features at the tap before.

        Returns:
            One map a convolution, the last one being ``features``; nothing for a decoder that does
            not mirror its encoder.
        """
        del block, features
        return []

    def decode_block(self, block: int, features: Features, source: Source) -> Tensor:
        """Run decoder block 1 to 4.

        Args:
            block: Which block.
            features: Features at tap ``block``.
            source: What :meth:`encode_block` returned beside the content's.

        Returns:
            Features of the shape of the tap before, or of the image.
        """
        return self.decoder.run_block(block, features, source)

    def encode(self, image: Features) -> list[Tensor]:
        """Return the features at taps 1 to 4; sizes must be multiples of the stride."""
        return self.encode_with_sources(image)[0]

    def encode_with_sources(
        self, image: Features, *, last_block: int = 4
    ) -> tuple[list[Tensor], list[Source]]:
        """Return the features at taps 1 to ``last_block``, and what those decoder blocks take."""
        taps: list[Tensor] = []
        sources: list[Source] = []
        features = image
        for block in range(1, last_block + 1):
            features, source = self.encode_block(block, features)
            taps.append(features)
            sources.append(source)
        return taps, sources

    def forward(self, image: Features) -> Features:
        """Reconstruct an image from its last tap (not clipped)."""
        taps, sources = self.encode_with_sources(image)
        features = taps[-1]
        for block in range(len(sources), 0, -1):
            features = self.decode_block(block, features, sources[block - 1])
        return features
