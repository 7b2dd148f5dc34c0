"""Threads are bounded by the processors that the control groups allow."""

import pytest
import torch

from bench.machine import threads
from bench.machine.cgroup import Limits


@pytest.mark.parametrize(
    ("before", "quota", "after"),
    [(4, 0.5, 1), (4, 1.5, 2), (4, 8.0, 4), (1, 3.0, 1), (3, None, 3)],
)
def test_a_quota_bounds_threads(before, quota, after, monkeypatch):
    monkeypatch.setattr(threads, "read_limits", lambda: Limits(cpu_quota=quota))
    own = torch.get_num_threads()
    try:
        torch.set_num_threads(before)
        threads.bound_threads()
        assert torch.get_num_threads() == after
    finally:
        torch.set_num_threads(own)
