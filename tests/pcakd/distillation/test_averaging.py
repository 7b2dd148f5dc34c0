"""The moving average that a phase ends with."""

import numpy as np
import pytest
import torch
from torch import nn

from pcakd.blocks import Conv, ConvLayer
from pcakd.distillation.averaging import apply_average, create_average


def _fill(layers, value):
    with torch.no_grad():
        for weight in layers.parameters():
            weight.fill_(value)


def _train(layers, average, values):
    for value in values:
        _fill(layers, value)
        average.update_parameters(layers)


@pytest.fixture
def layers():
    layers = nn.ModuleList([ConvLayer(Conv(in_channels=2, out_channels=3))]).double()
    _fill(layers, 5.0)
    return layers


def test_it_follows_the_recurrence_with_a_slow_start(layers):
    values = np.random.default_rng(0).normal(size=40)
    average = create_average(layers, 0.8)
    _train(layers, average, values)
    expected = 5.0
    for step, value in enumerate(values):
        decay = min(0.8, (1 + step) / (10 + step))
        expected = decay * expected + (1 - decay) * value
    (layer,) = layers
    assert layer.conv.bias.detach().numpy() == pytest.approx(values[-1])
    apply_average(average, layers)
    for weight in layers.parameters():
        torch.testing.assert_close(weight, torch.full_like(weight, expected))


def test_it_continues_from_its_state(layers):
    whole = create_average(layers, 0.9)
    _train(layers, whole, [1.0, 2.0, 3.0])
    part = create_average(layers, 0.9)
    part.load_state_dict({name: tensor.clone() for name, tensor in whole.state_dict().items()})
    for average in (whole, part):
        _train(layers, average, [4.0, 8.0])
    assert int(part.n_averaged) == 6
    for name, tensor in whole.state_dict().items():
        assert torch.equal(tensor, part.state_dict()[name])
    with pytest.raises(RuntimeError, match="Missing key"):
        part.load_state_dict({})
