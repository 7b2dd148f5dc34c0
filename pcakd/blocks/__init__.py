"""Blocks of stages: what the encoders and decoders of this project are described and run with."""

from pcakd.blocks.autoencoder import Autoencoder, Regularizer, RunBlock, run_plain
from pcakd.blocks.design import BlockDesign, BlockKind, design_decoder, design_encoder
from pcakd.blocks.layers import BlockStack, ConvLayer, Features, Source
from pcakd.blocks.stages import (
    AddPooledResidual,
    AddResidual,
    AvgPool,
    Block,
    ConcatResidual,
    Conv,
    MaxPool,
    MaxUnpool,
    Stage,
    Upsample,
    WaveletUnpool,
)

__all__ = [
    "AddPooledResidual",
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
    "MaxUnpool",
    "Regularizer",
    "RunBlock",
    "Source",
    "Stage",
    "Upsample",
    "WaveletUnpool",
    "design_decoder",
    "design_encoder",
    "run_plain",
]
