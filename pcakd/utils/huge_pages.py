"""Huge pages for large tensors on a CPU.

The memory of a large tensor comes from the operating system page by page, 4 KiB at a time, and goes
back when the tensor is freed, which costs time with every map of a photograph. Pages of 2 MiB are
512 times fewer. Linux has them on request (``madvise``), and PyTorch asks for them in tensors of
2 MiB and more if an environment variable says so. Elsewhere the variable has no effect.
"""

import os
import sys

VARIABLE = "THP_MEM_ALLOC_ENABLE"
"""PyTorch's variable for transparent huge pages; PyTorch reads it at its first tensor."""


def prefer_huge_pages() -> None:
    """Ask for huge pages in this process and its children; a value that is set already stays.

    Once torch is imported, this does nothing: it may have read the variable.
    """
    if "torch" not in sys.modules:
        os.environ.setdefault(VARIABLE, "1")


def prefers_huge_pages() -> bool:
    """Return whether the environment asks for huge pages."""
    return os.environ.get(VARIABLE) == "1"
