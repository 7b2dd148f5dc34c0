"""Precisions by name; float32 without TF32."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from types import MappingProxyType

import torch

PRECISIONS: Mapping[str, torch.dtype] = MappingProxyType(
    {"fp32": torch.float32, "fp16": torch.float16, "bf16": torch.bfloat16}
)
"""The names that options and benchmark profiles give to types."""


@contextmanager
def full_precision() -> Iterator[None]:
    """Compute float32 convolutions and matrix products without TF32, CUDA's default.

    The previous settings are restored at the end of the block.
    """
    before = torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision("highest")
    try:
        with torch.backends.cudnn.flags(enabled=True, allow_tf32=False):
            yield
    finally:
        torch.set_float32_matmul_precision(before)
