"""Peak memory of this process.

On a CPU the peak is the largest resident size after the meter was created, minus the resident size
then (interpreter and libraries). On CUDA it is the most that torch's allocator has handed out since
then, without its caches and without the CUDA context. Both include the subject's weights, both
images and all maps in between.

A CPU's resident size is that of live memory only if the allocator returns what is freed: start the
process with `bench.worker.allocator.FIXED_ALLOCATOR` in its environment.
"""

import sys
from contextlib import suppress
from pathlib import Path

import psutil
import torch

_STATUS = Path("/proc/self/status")
_CLEAR_REFS = Path("/proc/self/clear_refs")
_RESET_PEAK = "5"  # of proc(5)


class MemoryMeter:
    """Measures the memory that is allocated after its creation; create it after the imports.

    Attributes:
        baseline_bytes: Memory of the process before.
    """

    def __init__(self, device: torch.device) -> None:
        self._device = device
        if device.type == "cuda":
            torch.cuda.reset_peak_memory_stats(device)
            self.baseline_bytes = torch.cuda.memory_allocated(device)
        else:
            with suppress(OSError):  # otherwise the peak is that since the process began
                _CLEAR_REFS.write_text(_RESET_PEAK, encoding="ascii")
            self.baseline_bytes = psutil.Process().memory_info().rss

    def peak_bytes(self) -> int:
        """Return the peak since the meter was created, without the baseline."""
        if self._device.type == "cuda":
            peak = torch.cuda.max_memory_allocated(self._device)
        else:
            peak = _peak_resident_bytes()
        return max(0, peak - self.baseline_bytes)


def _peak_resident_bytes() -> int:
    """Return the largest resident size of the process since its peak was reset.

    On Linux it is read from ``/proc``: ``getrusage`` gives a child process the peak of its parent,
    so it is used only where there is no ``/proc``.
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
