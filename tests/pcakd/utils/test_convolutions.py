import pytest
import torch
import torch.nn.functional as F
from torch.profiler import ProfilerActivity, profile

from pcakd.utils.convolutions import convolve


def _random(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("gradients", [False, True])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16])
@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
@pytest.mark.parametrize("size", [(1, 9, 5, 7), (1, 9, 60, 61), (2, 9, 17, 22), (1, 1, 40, 41)])
@pytest.mark.parametrize(
    ("kernel", "stride", "groups"), [(1, 1, 1), (1, 2, 1), (3, 1, 1), (1, 1, 0)]
)
def test_the_result_is_pytorchs(size, kernel, stride, groups, layout, dtype, gradients):
    groups = groups or size[1]
    features = _random(*size).to(dtype).contiguous(memory_format=layout)
    weight = _random(2 * size[1], size[1] // groups, kernel, kernel, seed=1).to(dtype)
    bias = _random(2 * size[1], seed=2).to(dtype)
    with torch.set_grad_enabled(gradients):
        found = convolve(features, weight, bias, stride=stride, groups=groups)
        expected = F.conv2d(features, weight, bias, stride=stride, groups=groups)
    tolerance = 0.02 if dtype == torch.bfloat16 else 1e-5
    torch.testing.assert_close(found, expected, rtol=tolerance, atol=tolerance)


@pytest.mark.skipif(not torch.backends.mkldnn.is_available(), reason="PyTorch without oneDNN")
def test_pointwise_convolutions_run_by_onednn_on_one_thread():
    features = _random(1, 10, 60, 61).contiguous(memory_format=torch.channels_last)
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with torch.no_grad(), profile(activities=[ProfilerActivity.CPU]) as found:
            convolve(features, _random(10, 10, 1, 1))
    finally:
        torch.set_num_threads(threads)
    names = {event.key for event in found.key_averages()}
    assert "aten::mkldnn_convolution" in names
