"""Peak memory of this process.

On a CPU the peak is the highest resident size that the kernel saw since the process began, minus
the resident size when the meter was made (interpreter and libraries). On CUDA it is the most that
torch's allocator had handed out since then: caches and the CUDA context are not in it. Both hold
the subject's weights, both images and everything that stylizing them needs.
"""

import sys
from pathlib import Path

import psutil
import torch

_STATUS = Path("/proc/self/status")


class MemoryMeter:
    """Measures what is allocated from its making on; make it after the imports.

    Attributes:
        baseline_bytes: What the process held before.
    """

    def __init__(self, device: torch.device) -> None:
        self._device = device
        if device.type == "cuda":
            torch.cuda.reset_peak_memory_stats(device)
            self.baseline_bytes = torch.cuda.memory_allocated(device)
        else:
            self.baseline_bytes = psutil.Process().memory_info().rss

    def peak_bytes(self) -> int:
        """Return the peak since the meter was made, without the baseline."""
        if self._device.type == "cuda":
            peak = torch.cuda.max_memory_allocated(self._device)
        else:
            peak = _peak_resident_bytes()
        return max(0, peak - self.baseline_bytes)


def _peak_resident_bytes() -> int:
    """Return the process's high-water mark.

    Linux keeps one for each address space in ``/proc``. ``getrusage`` would give a child the peak
    of the parent that started it, so it serves only where there is no ``/proc``.
    """
    if _STATUS.exists():
        for line in _STATUS.read_text(encoding="ascii", errors="replace").splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
    if sys.platform == "win32":
        return int(psutil.Process().memory_info().peak_wset)
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return int(peak if sys.platform == "darwin" else peak * 1024)
