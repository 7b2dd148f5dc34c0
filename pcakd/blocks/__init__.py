"""Blocks of stages, which describe and run encoders and decoders."""

from pcakd.blocks.autoencoder import Autoencoder, Regularizer
from pcakd.blocks.convolution import Conv, ConvLayer
from pcakd.blocks.design import BlockDesign, BlockKind, design_decoder, design_encoder
from pcakd.blocks.low_rank import factorise_blocks, factorise_conv
from pcakd.blocks.pooling import AvgPool, MaxPool
from pcakd.blocks.residuals import AddResidual, ConcatResidual, ResidualStage
from pcakd.blocks.spans import Span, Tile
from pcakd.blocks.stack import BlockStack, RunBlock, run_plain
from pcakd.blocks.stage import Block, Features, Source, Stage
from pcakd.blocks.upsampling import Upsample

__all__ = [
    "AddResidual",
    "Autoencoder",
    "AvgPool",
    "Block",
    "BlockDesign",
    "BlockKind",
    "BlockStack",
    "ConcatResidual",
    "Conv",
    "ConvLayer",
    "Features",
    "MaxPool",
    "Regularizer",
    "ResidualStage",
    "RunBlock",
    "Source",
    "Span",
    "Stage",
    "Tile",
    "Upsample",
    "design_decoder",
    "design_encoder",
    "factorise_blocks",
    "factorise_conv",
    "run_plain",
]
