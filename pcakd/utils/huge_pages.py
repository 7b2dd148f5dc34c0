"""Huge pages for large tensors on a CPU.

The memory of a large tensor comes from the operating system page by page, 4 KiB at a time, and goes
back when the tensor is freed, which costs time with every map of a photograph. Pages of 2 MiB are
512 times fewer. Linux has them on request (``madvise``), and PyTorch asks for them in tensors of
2 MiB and more if an environment variable says so. Elsewhere the variable has no effect.
"""

import os
import sys
from pathlib import Path

VARIABLE = "THP_MEM_ALLOC_ENABLE"
"""PyTorch's variable for transparent huge pages; PyTorch reads it at its first tensor."""

_STATE = Path("/sys/kernel/mm/transparent_hugepage/enabled")


def prefer_huge_pages() -> None:
    """Ask for huge pages in this process and its children; a value that is set already stays.

    Once torch is imported, this does nothing: it may have read the variable.
    """
    if "torch" not in sys.modules:
        os.environ.setdefault(VARIABLE, "1")


def has_huge_pages(state: Path = _STATE) -> bool:
    """Return whether large tensors get huge pages: on request, or because all memory does.

    Args:
        state: The kernel's file of what it does.
    """
    try:
        text = state.read_text(encoding="utf-8")
    except OSError:  # another system, or a kernel without them
        return False
    return "[always]" in text or ("[madvise]" in text and os.environ.get(VARIABLE) == "1")
