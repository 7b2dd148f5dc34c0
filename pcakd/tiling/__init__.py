"""Blocks run tile by tile, without gradients: the fast twin of ``BlockStack.run_block``."""

from pcakd.tiling.blocks import plain_blocks, run_block, runs_plain
from pcakd.tiling.kernels import lay_out

__all__ = ["lay_out", "plain_blocks", "run_block", "runs_plain"]
