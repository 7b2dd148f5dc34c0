"""Norms around layers in training: what they leave as it is, and what they start from."""

import pytest
import torch

from pcakd.blocks import Conv, ConvLayer
from pcakd.distill.norms import (
    catch,
    follow_batches,
    measure_moments,
    prepare_layers,
    surround_as_is,
)


def _layer(**options):
    torch.manual_seed(0)
    layer = ConvLayer(Conv(in_channels=5, out_channels=7, **options)).eval().requires_grad_(False)
    layer.conv.weight.mul_(40.0)  # as a regression may leave them
    return layer


def _inputs():
    scale = torch.tensor([0.1, 1.0, 10.0, 100.0, 1000.0])[:, None, None]
    return torch.rand(3, 5, 12, 14, generator=torch.Generator().manual_seed(1)) * scale + 2 * scale


@pytest.mark.parametrize("relu", [True, False])
def test_surrounding_a_layer_changes_nothing_that_it_computes(relu):
    layer, inputs = _layer(relu=relu), _inputs()
    expected = layer(inputs)
    surround_as_is(layer, inputs)
    scale = float(expected.abs().max())
    torch.testing.assert_close(layer(inputs), expected, atol=1e-5 * scale, rtol=0)
    assert layer.norm is not None
    layer.fold()
    assert layer.norm is None
    assert layer.input_mean is None
    torch.testing.assert_close(layer(inputs), expected, atol=1e-5 * scale, rtol=0)


def test_a_surrounded_layer_has_weights_of_the_size_that_pytorch_draws():
    layer = _layer()
    surround_as_is(layer, _inputs())
    drawn = torch.nn.Conv2d(5, 7, 3).weight.detach().flatten(1).norm(dim=1).mean()
    own = layer.conv.weight.flatten(1).norm(dim=1)
    torch.testing.assert_close(own, torch.full_like(own, 3**-0.5))
    assert float(own.mean()) == pytest.approx(float(drawn), rel=0.2)


def test_following_its_own_batch_leaves_a_surrounded_layer_nearly_as_it_is():
    layer, inputs = _layer(relu=True), _inputs()
    expected = layer(inputs)
    surround_as_is(layer, inputs)
    follow_batches([layer], live=True)
    with torch.no_grad():
        error = (layer(inputs) - expected).square().mean() / expected.square().mean()
    assert float(error) < 1e-5


def test_a_channel_that_hardly_varies_is_not_divided_by_its_deviation():
    inputs = _inputs()
    inputs[:, 0] = 3.0
    mean, deviation = measure_moments(inputs)
    assert float(mean[0]) == pytest.approx(3.0)
    assert float(deviation[0]) == pytest.approx(0.1 * float(inputs.std(dim=(0, 2, 3)).mean()))


@pytest.mark.parametrize("all_inputs", [True, False])
def test_layers_are_prepared_for_what_a_checkpoint_holds(all_inputs):
    layers = [_layer(), _layer()]
    prepare_layers(layers, all_inputs=all_inputs)
    assert [layer.input_mean is not None for layer in layers] == [True, all_inputs]
    assert all(layer.norm is not None for layer in layers)


def test_a_layer_that_makes_pixels_keeps_its_statistics():
    layers = [_layer(relu=True), _layer(relu=False)]
    prepare_layers(layers)
    follow_batches(layers, live=True)
    assert [layer.norm.training for layer in layers] == [True, False]
    follow_batches(layers, live=False)
    assert not any(layer.norm.training for layer in layers)


def test_what_reaches_a_layer_is_caught_and_the_hook_removed():
    layer, inputs = _layer(), _inputs()
    assert torch.equal(catch(layer, lambda: layer(inputs)), inputs)
    with pytest.raises(RuntimeError, match="broken"):
        catch(layer, _break)
    assert not layer._forward_pre_hooks


def _break():
    raise RuntimeError("broken")
