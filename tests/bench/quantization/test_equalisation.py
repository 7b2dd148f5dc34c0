"""Equalised stages do the same, and their maps have channels of about one range."""

import pytest
import torch

from bench.quantization.equalisation import equalise
from pcakd.blocks import Conv, MaxPool, Upsample
from pcakd.blocks.stack import BlockStack

BLOCKS = {
    "depthwise": (
        Conv(in_channels=6, out_channels=6, depthwise=True),
        Conv(in_channels=6, out_channels=9, kernel_size=1),
        Conv(in_channels=9, out_channels=9, depthwise=True, stride=2),
    ),
    "pooled": (
        Conv(in_channels=6, out_channels=8),
        MaxPool(),
        Conv(in_channels=8, out_channels=5, relu=False, signed=True),
    ),
    "enlarged": (Upsample(), Conv(in_channels=6, out_channels=4)),
}


@pytest.mark.parametrize("name", BLOCKS)
def test_nothing_changes_in_exact_arithmetic(name):
    torch.manual_seed(0)
    stack = BlockStack([BLOCKS[name]]).double().eval().requires_grad_(False)
    steps = stack.steps(1)
    scales = torch.logspace(-2, 1, 6, dtype=torch.float64).view(1, 6, 1, 1)
    inputs = [torch.rand(1, 6, 16, 16, dtype=torch.float64) * scales for _ in range(2)]
    found = equalise(steps, inputs)
    for features in (*inputs, torch.randn(1, 6, 16, 24, dtype=torch.float64)):
        result = features / found.divisor
        for stage, layer in found.steps:
            result = stage.run(result, None, layer)
        expected = stack.run_block(1, features)
        torch.testing.assert_close(result * found.factor, expected, rtol=1e-10, atol=1e-10)


def test_a_depthwise_convolution_takes_channels_of_one_range():
    torch.manual_seed(0)
    stack = BlockStack([BLOCKS["depthwise"]]).eval().requires_grad_(False)
    scales = torch.logspace(-1, 1, 6).view(1, 6, 1, 1)
    features = torch.rand(1, 6, 16, 16) * scales
    found = equalise(stack.steps(1), [features])
    ranges = (features / found.divisor).amax(dim=(0, 2, 3))
    assert float(ranges.max() / ranges.min()) < float(scales.max() / scales.min()) / 20
    before = [layer.conv.weight.clone() for layer in stack.layers(1)]
    assert all(map(torch.equal, before, [each.conv.weight for each in stack.layers(1)]))
