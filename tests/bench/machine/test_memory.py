import psutil
import pytest
import torch

from bench.machine.cgroup import Limits
from bench.machine.memory import host_bytes, total_bytes


@pytest.mark.parametrize(("limit", "expected"), [(2**20, 2**20), (2**62, None), (None, None)])
def test_a_lower_limit_of_the_group_counts(limit, expected, monkeypatch):
    monkeypatch.setattr("bench.machine.memory.read_limits", lambda: Limits(memory_bytes=limit))
    assert host_bytes() == (expected or psutil.virtual_memory().total)


def test_total_is_plausible() -> None:
    assert total_bytes(torch.device("cpu")) > 2**28
