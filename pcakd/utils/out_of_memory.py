"""Detection of out-of-memory errors, which differ between devices and libraries."""

_MESSAGES = (
    "out of memory",  # CUDA, HIP, MPS
    "can't allocate memory",  # PyTorch on Linux and macOS
    "not enough memory",  # PyTorch on Windows
    "cannot allocate memory",  # the system (ENOMEM)
    "insufficient memory",  # OpenCV
    "bad_alloc",  # C++
    "status_alloc_failed",  # cuBLAS, cuDNN, cuSOLVER, cuSPARSE
)
"""Parts of the messages of allocators that have no memory left, in lower case."""


def is_out_of_memory(error: BaseException) -> bool:
    """Return whether an error means that a device is out of memory.

    >>> is_out_of_memory(RuntimeError("MPS backend out of memory (MPS allocated: 18 GB)"))
    True
    >>> is_out_of_memory(RuntimeError("shape mismatch"))
    False
    """
    if isinstance(error, MemoryError):
        return True
    text = str(error).lower()
    return any(each in text for each in _MESSAGES)
