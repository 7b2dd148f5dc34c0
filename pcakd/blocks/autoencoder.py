"""An autoencoder of four block pairs: they are trained one by one, and stylized one by one."""

from typing import TypeAlias

from torch import Tensor, nn

from pcakd.blocks.convolution import ConvLayer
from pcakd.blocks.stack import BlockStack, RunBlock, run_plain
from pcakd.blocks.stage import Block, Features, Source
from pcakd.transforms import AffineMap

Regularizer: TypeAlias = float | tuple[float, float, float, float]
"""λ of the feature transform: one for all taps, or one for each of taps 1 to 4."""


class Autoencoder(nn.Module):
    """Four encoder blocks that end at taps, and the four decoder blocks that undo them.

    Args:
        encoder: Stages of the encoder's blocks. A subclass may divide an encoder block in two.
        decoder: Stages of decoder blocks 1 to 4. Block b leads from tap b to tap b - 1, and
            block 1 to the image.
        stride: Pixels of the image per pixel of the last tap: sizes are padded to a multiple.
        regularizer: λ of the feature transform, in the scale of these features.
        colour_transfer: Strength, in [0, 1], of the colour transfer that ends a stylization
            (`pcakd.transforms.fit_colour_transfer`); 0 leaves it out.

    Convention:
        Images are RGB in [0, 1]; pre-processing is part of the first convolution.
    """

    colour_transfer: float = 0.0  # whole pickles of earlier releases have none

    def __init__(
        self,
        encoder: tuple[Block, ...],
        decoder: tuple[Block, ...],
        *,
        stride: int,
        regularizer: Regularizer,
        colour_transfer: float = 0.0,
    ) -> None:
        super().__init__()
        self.encoder = BlockStack(encoder)
        self.decoder = BlockStack(decoder)
        self.stride = stride
        self.regularizer: Regularizer = regularizer
        self.colour_transfer = float(colour_transfer)

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
            The features at the block's tap, and the source of decoder block ``block``: here the
            input of the encoder block.
        """
        return run(self.encoder, block, features), features

    def encoder_layers(self, block: int) -> list[ConvLayer]:
        """Return the convolutions of encoder block 1 to 4, in order."""
        return self.encoder.layers(block)

    def decode_block(
        self,
        block: int,
        features: Features,
        source: Source,
        *,
        affine: AffineMap | None = None,
        run: RunBlock = run_plain,
    ) -> Tensor:
        """Run decoder block 1 to 4.

        Args:
            block: Which block.
            features: Features at tap ``block``.
            source: What :meth:`encode_block` returned beside the content's features.
            affine: A map of single pixels to apply to ``features`` first.
            run: How to run stages.

        Returns:
            Features of the shape of the tap before, or of the image.
        """
        return run(self.decoder, block, features, source, affine=affine)

    def encode(self, image: Features) -> list[Tensor]:
        """Return the features at taps 1 to 4; sizes must be multiples of the stride."""
        return self.encode_with_sources(image)[0]

    def encode_with_sources(
        self, image: Features, *, last_block: int = 4
    ) -> tuple[list[Tensor], list[Source]]:
        """Return the features at taps 1 to ``last_block``, and the sources of those decoder blocks.

        Args:
            image: RGB in [0, 1], sizes multiples of the stride.
            last_block: The last block to run.
        """
        taps: list[Tensor] = []
        sources: list[Source] = []
        features = image
        for block in range(1, last_block + 1):
            features, source = self.encode_block(block, features)
            taps.append(features)
            sources.append(source)
        return taps, sources

    def reconstruct(self, image: Features) -> Features:
        """Decode an image from its last tap without a transform (not clipped).

        Args:
            image: RGB in [0, 1]; sizes must be multiples of the stride.
        """
        taps, sources = self.encode_with_sources(image)
        features = taps[-1]
        for block in range(len(sources), 0, -1):
            features = self.decode_block(block, features, sources[block - 1])
        return features
