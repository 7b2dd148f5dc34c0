"""The name of the processor, for cards and records."""

import platform
from pathlib import Path


def cpu_name() -> str:
    """Return the processor's name; ``"unknown"`` where the system gives none."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        lines = []
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine() or "unknown"
