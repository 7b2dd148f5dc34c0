"""Telling want of memory from other faults: allocators raise half a dozen kinds of errors."""

_TELLTALES = (
    "out of memory",  # CUDA, HIP, MPS
    "can't allocate memory",  # PyTorch on Linux and macOS
    "not enough memory",  # PyTorch on Windows
    "cannot allocate memory",  # the system (ENOMEM)
    "insufficient memory",  # OpenCV
    "bad_alloc",  # C++
    "status_alloc_failed",  # cuBLAS, cuDNN, cuSOLVER, cuSPARSE
)
"""What allocators say, in lower case, when there is no memory left."""


def is_out_of_memory(error: BaseException) -> bool:
    """Tell whether an error means that a device has too little memory.

    >>> is_out_of_memory(RuntimeError("MPS backend out of memory (MPS allocated: 18 GB)"))
    True
    >>> is_out_of_memory(RuntimeError("shape mismatch"))
    False
    """
    if isinstance(error, MemoryError):
        return True
    text = str(error).lower()
    return any(each in text for each in _TELLTALES)
