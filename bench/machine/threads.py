"""The number of CPU threads of measurements."""

import math

from bench.machine.cgroup import read_limits


def bound_threads() -> None:
    """Give torch no more threads than the processors that the control groups allow.

    More would wait for each other while their group's time is used up. Fewer, as set by
    ``OMP_NUM_THREADS``, stay.
    """
    import torch

    quota = read_limits().cpu_quota
    if quota is not None:
        torch.set_num_threads(min(torch.get_num_threads(), max(1, math.ceil(quota))))
