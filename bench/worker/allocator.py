"""Settings of glibc's allocator for processes whose memory is measured. No torch."""

from collections.abc import Mapping
from types import MappingProxyType

FIXED_ALLOCATOR: Mapping[str, str] = MappingProxyType(
    {
        "MALLOC_ARENA_MAX": "1",
        "MALLOC_MMAP_THRESHOLD_": "65536",  # fixed: by default it rises with what is freed
        "MALLOC_MMAP_MAX_": "1000000",
        "MALLOC_TRIM_THRESHOLD_": "65536",
        "MALLOC_TOP_PAD_": "0",
    }
)
"""Environment variables with which glibc returns freed blocks to the system at once."""
