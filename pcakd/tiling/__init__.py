"""Blocks run tile by tile, without gradients: the fast twin of ``BlockStack.run_block``."""

from pcakd.tiling.blocks import decode_block, encode_block, plain_blocks
from pcakd.tiling.kernels import lay_out

__all__ = ["decode_block", "encode_block", "lay_out", "plain_blocks"]
