"""Decoders of frozen encoders: regressions, and training from there."""

import csv
import io
import json
from dataclasses import replace

import numpy as np
import pytest
import torch

from bench.peers.training import phase as decoder_phase
from bench.peers.training.decoder import DecoderRequest, train_decoder
from bench.peers.training.recipe import DecoderRecipe, four_schedules
from bench.peers.training.regression import fit_layer
from pcakd.backbones import create_backbone
from pcakd.blocks import Autoencoder, AvgPool, Conv, ConvLayer, Upsample
from pcakd.distillation import trainer as trainer_module
from pcakd.distillation.context import TrainingContext
from pcakd.distillation.schedule import Schedule
from pcakd.errors import ConfigError, TrainingError

WIDTHS = (8, 12, 16, 20)  # of the tiny teacher


class Mirror(Autoencoder):
    """The tiny teacher as an autoencoder whose decoder mirrors it."""

    def __init__(self):
        steps = list(zip((3, *WIDTHS[:-1]), WIDTHS, strict=True))
        encoder = [
            (*((AvgPool(),) if block else ()), Conv(in_channels=k, out_channels=n))
            for block, (k, n) in enumerate(steps)
        ]
        decoder = [
            (Conv(in_channels=n, out_channels=k, relu=block > 0), *((Upsample(),) if block else ()))
            for block, (k, n) in enumerate(steps)
        ]
        super().__init__(tuple(encoder), tuple(decoder), stride=8, regularizer=1.0)

    def mirror_targets(self, block, features):
        return [features if block == 1 else torch.nn.functional.avg_pool2d(features, 2)]


def _draw(seed):
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return Mirror().eval().requires_grad_(False)


def _request(photos, output, *, resume=False, steps=4):
    network = _draw(0)
    return DecoderRequest(
        network=network,
        teacher=create_backbone("tiny"),
        mirror_targets=network.mirror_targets,
        draw=_draw,
        data=photos,
        output=output,
        recipe=DecoderRecipe(
            schedules=four_schedules(steps=[steps] * 4, rates=[1e-4] * 4, batch=2, crop=32),
            held_out=2,
            basis_images=2,
        ),
        device=torch.device("cpu"),
        resume=resume,
        identity={"name": "mirror"},
    )


pytestmark = pytest.mark.usefixtures("lenient_images")


def test_a_fitted_layer_is_the_least_squares_solution():
    torch.manual_seed(0)
    truth = ConvLayer(Conv(in_channels=3, out_channels=4, relu=False)).double()
    layer = ConvLayer(Conv(in_channels=3, out_channels=4, relu=False)).double()
    pairs = [(x, truth(x).detach()) for x in torch.rand(3, 2, 3, 12, 10, dtype=torch.float64)]
    covariance = fit_layer(layer, pairs).covariance
    # the ridge shrinks weights by its share of the smallest eigenvalue; the float32 sums of 240
    # products, each at most 1, add their rounding to it
    error = 1e-4 * covariance.diagonal().mean() + 240 * torch.finfo(torch.float32).eps
    shrink = float(error / torch.linalg.eigvalsh(covariance)[0])
    length = (
        float(truth.conv.weight.detach().flatten(1).norm(dim=1).max()) * 27**0.5
    )  # pixels in [0, 1]
    fresh = torch.rand(1, 3, 9, 9, dtype=torch.float64)
    torch.testing.assert_close(layer(fresh), truth(fresh), atol=shrink * length, rtol=0)


def test_a_fitted_layer_agrees_with_ridge_regression_in_numpy():
    rng = np.random.default_rng(0)
    inputs, targets = rng.normal(size=(2, 2, 6, 6)), rng.normal(size=(2, 3, 6, 6))
    layer = ConvLayer(Conv(in_channels=2, out_channels=3, kernel_size=1)).double()
    fit_layer(layer, [(torch.from_numpy(inputs), torch.from_numpy(targets))])
    x, y = (a.transpose(1, 0, 2, 3).reshape(a.shape[1], -1) for a in (inputs, targets))
    centred = x - x.mean(1, keepdims=True)
    covariance = centred @ centred.T / x.shape[1]
    covariance += 1e-4 * np.diag(covariance).mean() * np.eye(2)
    expected = np.linalg.solve(covariance, centred @ (y.T - y.mean(1)) / x.shape[1]).T
    rounding = 72 * np.finfo(np.float32).eps  # of float32 sums over 72 pixels of variance 1
    found = layer.conv.weight.detach().numpy()[..., 0, 0]
    np.testing.assert_allclose(found, expected, rtol=0, atol=rounding)


def test_a_strided_layer_is_refused():
    with pytest.raises(ValueError, match="stride 1"):
        fit_layer(ConvLayer(Conv(in_channels=2, out_channels=3, stride=2)), [])


def test_only_the_decoder_is_trained_and_the_card_says_how(photos, tmp_path):
    request = _request(photos, tmp_path / "run")
    before = {name: t.clone() for name, t in request.network.state_dict().items()}
    card = train_decoder(request)
    after = request.network.state_dict()
    for name, tensor in before.items():
        assert torch.equal(tensor, after[name]) == name.startswith("encoder."), name
    assert card["name"] == "mirror"
    assert [phase["block"] for phase in card["phases"]] == [1, 2, 3, 4]
    assert [set(phase["held_out_losses"]) for phase in card["phases"]] == [{"b"}] + [{*"bcd"}] * 3
    assert json.dumps(card)


@pytest.mark.parametrize("block", [1, 2])
def test_regressions_start_below_random_weights(block):
    teacher = create_backbone("tiny")
    context = TrainingContext(student=_draw(0), teacher=teacher, check_teacher=teacher)
    phase = decoder_phase.DecoderPhase(
        context, _request(None, None).recipe, block, context.student.mirror_targets
    )
    images = torch.rand(4, 2, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    phase.prepare(images)
    name = "c" if block > 1 else "b"
    fitted = float(phase.losses(images[0])[name])
    phase.redraw(_draw(1))
    assert fitted < 0.5 * float(phase.losses(images[0])[name])


def test_an_interrupted_run_resumes_bit_for_bit(photos, tmp_path, monkeypatch):
    monkeypatch.setattr(trainer_module, "_CHECKPOINT_EVERY", 2)
    whole = _request(photos, tmp_path / "whole")
    train_decoder(whole)
    steps = 0
    step = trainer_module.Trainer._step

    def interrupted(self, *arguments):
        nonlocal steps
        steps += 1
        if steps == 8:
            raise KeyboardInterrupt
        return step(self, *arguments)

    monkeypatch.setattr(trainer_module.Trainer, "_step", interrupted)
    with pytest.raises(KeyboardInterrupt):
        train_decoder(_request(photos, tmp_path / "run"))
    again = _request(photos, tmp_path / "run", resume=True)
    train_decoder(again)
    for name, tensor in whole.network.state_dict().items():
        assert torch.equal(tensor, again.network.state_dict()[name]), name


def test_another_network_does_not_go_on_from_a_checkpoint(photos, tmp_path):
    train_decoder(_request(photos, tmp_path / "run"))
    other = replace(_request(photos, tmp_path / "run", resume=True), identity={"name": "other"})
    with pytest.raises(TrainingError, match='name was "mirror", is "other"'):
        train_decoder(other)


def test_a_rate_for_each_block():
    schedules = four_schedules(steps=[1] * 4, rates=[1e-5, 2e-5, 3e-5, 4e-5], batch=2, crop=32)
    phases = DecoderRecipe(schedules=schedules).phases()
    assert [(each.block, each.schedule.rate) for each in phases] == [
        (1, 1e-5),
        (2, 2e-5),
        (3, 3e-5),
        (4, 4e-5),
    ]
    with pytest.raises(ConfigError, match="rates"):
        Schedule(steps=1, rate=-3e-5)


def test_a_loss_without_weight_is_not_computed_in_training(photos, tmp_path):
    request = _request(photos, tmp_path / "run", steps=1)
    request = replace(request, recipe=replace(request.recipe, loss_weights=(2.0, 1.0, 0.0)))
    card = train_decoder(request)
    text = (tmp_path / "run" / "losses.csv").read_text()
    rows = list(csv.DictReader(io.StringIO(text)))
    assert [row["d"] for row in rows] == [""] * 4
    assert all(row["b"] for row in rows)
    assert all("d" in block["held_out_losses"] for block in card["phases"][1:])


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_decoders_are_trained_in_the_teachers_precision(monkeypatch, dtype):
    monkeypatch.setattr(decoder_phase, "teacher_dtype", lambda device: dtype)
    teacher = create_backbone("tiny")
    context = TrainingContext(student=_draw(0), teacher=teacher, check_teacher=teacher)
    recipe = _request(None, None).recipe
    layer = context.student.decoder.layers(1)[0]
    with decoder_phase.DecoderPhase(context, recipe, 1, lambda *_: []).precision():
        assert layer(torch.rand(1, WIDTHS[0], 8, 8)).dtype == dtype
