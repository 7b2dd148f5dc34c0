"""The moving average that a phase ends with."""

import numpy as np
import pytest
import torch

from pcakd.blocks import Conv, ConvLayer
from pcakd.distillation.averaging import WeightAverage


def _walk(layer, average, values, first=0):
    for step, value in enumerate(values, start=first):
        with torch.no_grad():
            for weight in layer.parameters():
                weight.fill_(value)
        average.update(step)


@pytest.fixture
def layer():
    layer = ConvLayer(Conv(in_channels=2, out_channels=3))
    with torch.no_grad():
        for weight in layer.parameters():
            weight.fill_(5.0)
    return layer


def test_it_follows_the_recurrence_with_a_slow_start(layer):
    values = np.random.default_rng(0).normal(size=40)
    average = WeightAverage([layer], 0.8)
    _walk(layer, average, values)
    expected = 5.0
    for step, value in enumerate(values):
        decay = min(0.8, (1 + step) / (10 + step))
        expected = decay * expected + (1 - decay) * value
    assert layer.conv.bias.detach().numpy() == pytest.approx(values[-1])
    average.apply()
    for weight in layer.parameters():
        torch.testing.assert_close(weight, torch.full_like(weight, expected), atol=1e-5, rtol=0)


def test_it_goes_on_from_what_was_kept(layer):
    whole = WeightAverage([layer], 0.9)
    _walk(layer, whole, [1.0, 2.0, 3.0])
    part = WeightAverage([layer], 0.9)
    part.load({name: tensor.clone() for name, tensor in whole.state().items()})
    for average in (whole, part):
        _walk(layer, average, [4.0, 8.0], first=3)
    for name, tensor in whole.state().items():
        assert torch.equal(tensor, part.state()[name])
    with pytest.raises(KeyError):
        part.load({})
