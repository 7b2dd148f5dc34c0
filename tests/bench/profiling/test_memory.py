"""The memory meter."""

import pytest
import torch

from bench.profiling.memory import MemoryMeter

CPU = torch.device("cpu")


def test_meter_sees_a_large_tensor():
    meter = MemoryMeter(CPU)
    tensor = torch.ones(256, 2**20)
    assert tensor[3, 3] == 1
    # other tests may have reached a higher mark before: the peak can only be larger
    assert meter.peak_bytes() >= 0.9 * 2**30
    assert meter.baseline_bytes > 0


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
def test_meter_sees_a_large_tensor_of_a_gpu():
    image = torch.rand(1, 3, 512, 512, device="cuda")
    meter = MemoryMeter(image.device)
    grown = image.repeat(4, 1, 1, 1)
    assert meter.peak_bytes() >= grown.nbytes
