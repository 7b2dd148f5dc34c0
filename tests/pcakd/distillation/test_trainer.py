"""Phases resume after a kill, and restart if they collapse or diverge."""

import json
import math
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from tiny_distillation import RECIPE, make_config

from pcakd.distillation import health
from pcakd.distillation import trainer as trainer_module
from pcakd.distillation.data.prefetch import prefetch
from pcakd.distillation.run import distill
from pcakd.errors import TrainingError
from pcakd.students import load_student
from pcakd.utils.files import read_safetensors, write_safetensors

SCRIPT = str(Path(__file__).with_name("train_killed.py"))
MAKERS = str(Path(__file__).parents[2] / "makers")
pytestmark = pytest.mark.usefixtures("lenient_images")


def _same_weights(first, second) -> bool:
    a, b = (load_student(path / "tiny.safetensors").state_dict() for path in (first, second))
    return a.keys() == b.keys() and all(torch.equal(a[name], b[name]) for name in a)


def _stop_at(stop_at, monkeypatch):
    """Interrupt a run before a step; every second step writes a checkpoint."""
    monkeypatch.setattr(trainer_module, "_CHECKPOINT_EVERY", 2)
    steps = 0
    whole_step = trainer_module.Trainer._step

    def step(self, *arguments):
        nonlocal steps
        steps += 1
        if steps == stop_at:
            raise KeyboardInterrupt
        return whole_step(self, *arguments)

    monkeypatch.setattr(trainer_module.Trainer, "_step", step)


@pytest.mark.parametrize("stop_at", [3, 8, 13, 18])
def test_an_interrupted_run_resumes_bit_for_bit(unbroken, photos, tmp_path, monkeypatch, stop_at):
    folder = tmp_path / "tiny"
    _stop_at(stop_at, monkeypatch)
    with pytest.raises(KeyboardInterrupt):
        distill(make_config(photos, folder))
    distill(make_config(photos, folder, resume=True))
    assert _same_weights(folder, unbroken)


def test_batches_drawn_ahead_train_the_same_weights(unbroken, photos, tmp_path, monkeypatch):
    ahead = []

    def draw_ahead(draw, keys, *, enabled):
        ahead.append(enabled)
        return prefetch(draw, keys, enabled=True)

    monkeypatch.setattr(trainer_module, "prefetch", draw_ahead)
    distill(make_config(photos, tmp_path / "tiny"))
    assert ahead == [False] * 3  # a CPU that trains draws for itself
    assert _same_weights(unbroken, tmp_path / "tiny")


@pytest.fixture
def _one_thread():
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.mark.slow
@pytest.mark.usefixtures("_one_thread")
def test_a_killed_process_resumes_bit_for_bit(photos, tmp_path):
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    distill(make_config(photos, whole))
    paths = os.pathsep.join([MAKERS, *filter(None, [os.environ.get("PYTHONPATH")])])
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": paths}
    # one dies with a checkpoint written and not yet in its place, one between two checkpoints
    for moment, status in (("replace", "4"), -9), (("step", "8"), -9), ((), 0):
        done = subprocess.run(
            [sys.executable, SCRIPT, str(photos), str(killed), *moment],
            env=environment, capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.returncode == status, done.stderr
    assert (killed / "checkpoint.safetensors").exists()
    assert _same_weights(killed, whole)


def test_a_damaged_checkpoint_is_refused(photos, tmp_path):
    folder = tmp_path / "tiny"
    folder.mkdir()
    (folder / "checkpoint.safetensors").write_bytes(b"torn")
    with pytest.raises(TrainingError, match="cannot be read as safetensors"):
        distill(make_config(photos, folder, resume=True))
    header = {"format": "pcakd-checkpoint-5", "progress": {"leg": 1}, "fingerprint": {}}
    write_safetensors(folder / "checkpoint.safetensors", {}, {"pcakd": json.dumps(header)})
    with pytest.raises(TrainingError, match=r"of another release \(pcakd-checkpoint-5\)"):
        distill(make_config(photos, folder, resume=True))


@pytest.mark.parametrize("lost", ["average.module.0.conv.weight", "encoder.blocks.0.0.conv.weight"])
def test_a_checkpoint_without_a_tensor_is_refused(photos, tmp_path, monkeypatch, lost):
    folder = tmp_path / "tiny"
    _stop_at(18, monkeypatch)
    with pytest.raises(KeyboardInterrupt):
        distill(make_config(photos, folder))
    path = folder / "checkpoint.safetensors"
    tensors, metadata = read_safetensors(path)
    del tensors[lost]
    write_safetensors(path, tensors, metadata)
    with pytest.raises(TrainingError, match="is damaged; delete it to start over"):
        distill(make_config(photos, folder, resume=True))


@pytest.mark.parametrize(
    ("limit", "image", "reason"),
    [
        ({"min_r2_share": 1.0}, math.inf, "encoder collapsed: tap 1 has an R²"),
        (
            {"max_dead_share": -1.0},
            math.inf,
            "encoder collapsed: 0 of 4 channels of tap 1",
        ),
        ({}, 0.0, "autoencoder collapsed: the reconstruction loss is"),
    ],
)
def test_a_collapsed_phase_restarts_until_no_attempt_is_left(
    photos, tmp_path, capsys, monkeypatch, limit, image, reason
):
    monkeypatch.setattr(health, "MAX_RECONSTRUCTION_LOSS", image)
    hopeless = replace(RECIPE, max_attempts=2, **limit)
    with pytest.raises(TrainingError, match=reason):
        distill(make_config(photos, tmp_path / "tiny", recipe=hopeless))
    assert "restarting it with another seed and half the rate" in capsys.readouterr().out


def test_training_ends_with_the_average_of_weights(unbroken, photos, tmp_path):
    distill(make_config(photos, tmp_path / "tiny", recipe=replace(RECIPE, average=0.0)))
    assert not _same_weights(unbroken, tmp_path / "tiny")


@pytest.mark.parametrize("phase", ["encoder", "autoencoder", "stylization"])
def test_a_diverged_loss_restarts_the_phase(photos, tmp_path, monkeypatch, phase):
    whole = trainer_module.Trainer._draw_own
    poisoned = []

    def draw(self, key):
        images = whole(self, key)
        step = key[-1] - trainer_module._FIRST_STEP
        if self._phase.name == phase and self.progress.attempt == 0 and step == 3:
            poisoned.append(step)
            return images * float("nan")
        return images

    monkeypatch.setattr(trainer_module.Trainer, "_draw_own", draw)
    distill(make_config(photos, tmp_path / "tiny"))
    card = json.loads((tmp_path / "tiny" / "tiny.json").read_text())
    assert poisoned == [3]
    attempts = {phase["phase"]: phase["attempts"] for phase in card["phases"]}
    assert attempts == {"encoder": 1, "autoencoder": 1, "stylization": 1} | {phase: 2}
