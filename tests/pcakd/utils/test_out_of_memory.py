"""Out-of-memory errors of several allocators."""

import pytest
import torch

from pcakd.utils.out_of_memory import is_out_of_memory


@pytest.mark.parametrize(
    "error",
    [
        MemoryError(),
        torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB"),
        RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory: 9 bytes"),
        RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling cublasCreate"),
        OSError(12, "Cannot allocate memory"),
    ],
)
def test_allocators_that_have_no_memory_left(error):
    assert is_out_of_memory(error)


@pytest.mark.parametrize(
    "error", [RuntimeError("shape mismatch"), ValueError(), KeyError("memory")]
)
def test_other_errors(error):
    assert not is_out_of_memory(error)
