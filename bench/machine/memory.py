"""The machine's own memory, as far as this process may have it. No torch."""

from pathlib import Path

import psutil

_CONTAINER_LIMIT = Path("/sys/fs/cgroup/memory.max")


def host_bytes() -> int:
    """Return the machine's memory in bytes, or its container's limit where that is lower."""
    total = int(psutil.virtual_memory().total)
    try:
        limit = _CONTAINER_LIMIT.read_text(encoding="ascii").strip()
    except OSError:
        return total
    return min(total, int(limit)) if limit.isdigit() else total
