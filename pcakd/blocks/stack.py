"""Blocks of stages with their weights, and how to run one on whole maps."""

from collections.abc import Sequence
from typing import Protocol

from torch import nn

from pcakd.blocks.convolution import ConvLayer
from pcakd.blocks.stage import Block, Features, Source, Stage
from pcakd.transforms import AffineMap, apply_affine


class BlockStack(nn.Module):
    """Blocks of stages: an encoder or a decoder.

    Args:
        stages: The stages of blocks 1, 2 and so on.
    """

    def __init__(self, stages: Sequence[Block]) -> None:
        super().__init__()
        self._stages = tuple(stages)
        layers = [[stage.create_layer() for stage in block] for block in stages]
        self.blocks = nn.ModuleList(
            [nn.ModuleList([layer for layer in block if layer is not None]) for block in layers]
        )
        self._has_layer = [[layer is not None for layer in block] for block in layers]

    def stages(self, block: int) -> Block:
        """Return the stages of a block (numbered from 1), in order."""
        return self._stages[block - 1]

    def steps(self, block: int) -> list[tuple[Stage, nn.Module | None]]:
        """Return the stages of a block in order, each with its layer."""
        layers = iter(self.blocks[block - 1].children())
        return [
            (stage, next(layers) if has_layer else None)
            for stage, has_layer in zip(self.stages(block), self._has_layer[block - 1], strict=True)
        ]

    def layers(self, block: int) -> list[ConvLayer]:
        """Return the convolutions of a block, in order."""
        return [
            layer for layer in self.blocks[block - 1].children() if isinstance(layer, ConvLayer)
        ]

    def run_block(self, block: int, features: Features, source: Source | None = None) -> Features:
        """Run the stages of a block in order, on whole maps.

        Args:
            block: Which block, from 1.
            features: Its input.
            source: What a decoder block takes from the content's encoder.

        Raises:
            ValueError: A stage needs a source and has none.
        """
        for stage, layer in self.steps(block):
            features = stage.run(features, source, layer)
        return features


class RunBlock(Protocol):
    """A way to run a block: `run_plain`, or `pcakd.tiling.run_tiled`."""

    def __call__(
        self,
        stack: BlockStack,
        block: int,
        features: Features,
        source: Source | None = None,
        *,
        affine: AffineMap | None = None,
    ) -> Features:
        """Run a block (numbered from 1) of a stack.

        Args:
            stack: An encoder or a decoder.
            block: Which block.
            features: Its input.
            source: What a decoder block takes from the content's encoder.
            affine: A map of single pixels to apply to ``features`` first.
        """
        ...


def run_plain(
    stack: BlockStack,
    block: int,
    features: Features,
    source: Source | None = None,
    *,
    affine: AffineMap | None = None,
) -> Features:
    """Run a block on whole maps, differentiably: the reference of `pcakd.tiling.run_tiled`."""
    mapped = features if affine is None else apply_affine(features, affine)
    return stack.run_block(block, mapped, source)
