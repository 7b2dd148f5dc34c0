"""Resident memory follows live memory under the fixed settings of the allocator."""

import os
import subprocess
import sys

import psutil
import pytest

from bench.worker.allocator import FIXED_ALLOCATOR

MIB = 2**20
CODE = """
import sys, torch
from bench.profiling.memory import MemoryMeter

size = int(sys.argv[1])
torch.ones(1000).sum()  # what torch loads at its first use
for _ in range(50):  # blocks that grow: by default glibc would then keep what is freed
    torch.ones(2**18)
meter = MemoryMeter(torch.device("cpu"))
for _ in range(3):
    parts = [torch.ones(size // 16, dtype=torch.uint8) for _ in range(16)]
    del parts
print(meter.peak_bytes())
"""


@pytest.mark.skipif(sys.platform != "linux", reason="glibc's settings")
@pytest.mark.parametrize("mib", [10, 100, 1024, 4096])
def test_a_known_amount_is_measured(mib, importable_code):
    if psutil.virtual_memory().available < 1.5 * mib * MIB:
        pytest.skip(f"{mib} MiB are not free")
    done = subprocess.run(
        [sys.executable, "-c", CODE, str(mib * MIB)],
        env={**os.environ, **FIXED_ALLOCATOR}, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert int(done.stdout) == pytest.approx(mib * MIB, rel=0.05)
