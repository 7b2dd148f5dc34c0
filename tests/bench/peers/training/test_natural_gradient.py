"""Natural gradients: length and direction of a step, and the state in a checkpoint."""

import pytest
import torch

from bench.peers.training.natural_gradient import NaturalGradient
from bench.peers.training.regression import fit_layer
from pcakd.blocks import Conv, ConvLayer
from pcakd.distillation.run_files.checkpoint import pack_optimizer, unpack_optimizer

pytestmark = pytest.mark.numerics


@pytest.fixture
def task():
    """A layer that is fitted to one map, inputs that are far from white, and another map."""
    torch.manual_seed(0)
    mix = torch.randn(4, 4, dtype=torch.float64) * torch.tensor([10.0, 1.0, 0.3, 0.1]).double()
    inputs = torch.einsum("kc,bchw->bkhw", mix, torch.rand(2, 4, 16, 16).double()) + 5.0
    layer = ConvLayer(Conv(in_channels=4, out_channels=3, kernel_size=1, relu=False)).double()
    first, second = torch.randn(2, 2, 3, 16, 16, dtype=torch.float64)
    moments = fit_layer(layer, [(inputs, first + inputs[:, :3])])
    return layer, inputs, second + 2 * inputs[:, 1:], moments


def _optimizer(layer, moments, *, rate=0.01, **options):
    optimizer = NaturalGradient(
        [{"params": list(layer.conv.parameters()), "share": 1.0}], **options
    )
    optimizer.param_groups[0]["lr"] = rate
    optimizer.measure([moments])
    return optimizer


def _descend(layer, inputs, target):
    layer.zero_grad()
    loss = (layer(inputs) - target).square().sum(dim=1).mean()
    loss.backward()
    return float(loss.detach())


def test_the_rate_is_the_share_of_its_output_that_a_step_moves_a_layer(task):
    layer, inputs, target, moments = task
    optimizer = _optimizer(layer, moments, rate=0.02, damping=1e-9)
    before = layer(inputs).detach()
    _descend(layer, inputs, target)
    optimizer.step()
    moved = (layer(inputs).detach() - before).square().mean().sqrt()
    assert float(moved / before.square().mean().sqrt()) == pytest.approx(0.02, rel=1e-4)


def test_a_step_leads_straight_to_the_least_squares_solution(task):
    layer, inputs, target, moments = task
    optimizer = _optimizer(layer, moments, rate=1e-4, damping=1e-9)
    start = layer(inputs).detach()
    _descend(layer, inputs, target)
    optimizer.step()
    step = layer(inputs).detach() - start
    fit_layer(layer, [(inputs, target)])
    way = layer(inputs).detach() - start
    assert float(torch.cosine_similarity(step.flatten(), way.flatten(), dim=0)) > 0.999


def test_few_steps_come_near_the_solution_where_adam_stays_behind(task):
    layer, inputs, target, moments = task
    start = {name: tensor.clone() for name, tensor in layer.state_dict().items()}
    losses = {}
    for name in ("natural", "adam"):
        layer.load_state_dict(start)
        adam = torch.optim.Adam(layer.conv.parameters(), lr=0.02)
        optimizer = _optimizer(layer, moments, rate=0.4) if name == "natural" else adam
        for _ in range(120):
            optimizer.param_groups[0]["lr"] *= 0.95
            losses[name] = _descend(layer, inputs, target)
            optimizer.step()
    fit_layer(layer, [(inputs, target)])
    least = _descend(layer, inputs, target)
    assert losses["natural"] < 1.01 * least
    assert losses["natural"] < 0.9 * losses["adam"]


def test_its_state_is_restored_from_a_checkpoint(task):
    layer, inputs, target, moments = task
    optimizer = _optimizer(layer, moments)
    _descend(layer, inputs, target)
    optimizer.step()
    packed = {name: value.clone() for name, value in pack_optimizer(optimizer).items()}
    again = NaturalGradient(optimizer.param_groups)
    unpack_optimizer(again, packed)
    for parameter, state in optimizer.state.items():
        assert state.keys() == again.state[parameter].keys()
        assert all(torch.equal(value, again.state[parameter][n]) for n, value in state.items())


def test_it_takes_no_closure_and_one_measurement_a_layer(task):
    layer, _, _, moments = task
    optimizer = _optimizer(layer, moments)
    with pytest.raises(ValueError, match="closure"):
        optimizer.step(lambda: 0.0)
    with pytest.raises(ValueError, match="zip"):
        optimizer.measure([moments, moments])
