"""PSNR of reconstructions: its values, and when a training measures it."""

import csv
import math

import numpy as np
import pytest
import torch
from PIL import Image
from skimage.metrics import peak_signal_noise_ratio

from bench.peers.registry import get_vgg_peer
from bench.peers.training.reconstruction import ReconstructionLog, measure_psnr, reconstruct
from pcakd.distillation.trainer import Step
from pcakd.errors import TrainingError
from pcakd.images import load_image


@pytest.fixture(scope="module")
def network():
    return get_vgg_peer("photowct2").create_seeded()


@pytest.fixture
def photographs(tmp_path):
    generator = np.random.default_rng(0)
    folder = tmp_path / "val"
    folder.mkdir()
    for index, size in enumerate([(20, 33, 3), (24, 16, 3)]):
        pixels = generator.integers(0, 256, size, dtype=np.uint8)
        Image.fromarray(pixels).save(folder / f"{index}.png")
    return sorted(folder.iterdir())


@pytest.mark.parametrize("level", [1, 2, 3])
def test_psnr_is_that_of_scikit_image_at_native_size(network, photographs, level):
    expected = []
    for path in photographs:
        photo = load_image(path)
        result = reconstruct(network, photo, level)
        assert result.shape == photo.shape
        expected.append(
            peak_signal_noise_ratio(photo.double().numpy(), result.double().numpy(), data_range=1.0)
        )
    assert measure_psnr(network, photographs, level) == pytest.approx(np.mean(expected), abs=1e-4)


def test_levels_use_different_blocks(network, photographs):
    values = {measure_psnr(network, photographs[:1], level) for level in (1, 2)}
    assert len(values) == 2
    assert all(map(math.isfinite, values))


def _note_all(log, network, *, block, steps):
    for number in range(1, steps + 1):
        log.note(Step(phase="decoder", block=block, number=number, loss=0.0, network=network))


def test_sixths_of_each_block_are_measured(network, photographs, tmp_path, monkeypatch):
    levels = []

    def measure(network, photos, level):
        levels.append(level)
        return 20.0 + len(levels)

    monkeypatch.setattr("bench.peers.training.reconstruction.measure_psnr", measure)
    log = ReconstructionLog(photographs, steps=[2, 12, 7, 1], folder=tmp_path)
    _note_all(log, network, block=1, steps=2)
    _note_all(log, network, block=2, steps=12)
    assert levels == [1] * 2 + [2] * 6
    assert [step for block, step in log.read() if block == 2] == [2, 4, 6, 8, 10, 12]
    # a resumed training repeats steps, and their rows are replaced
    again = ReconstructionLog(photographs, steps=[2, 12, 7, 1], folder=tmp_path)
    again.note(Step(phase="decoder", block=2, number=12, loss=0.0, network=network))
    assert len(again.read()) == 8
    assert again.read()[2, 12] == 29.0
    with (tmp_path / "psnr.csv").open() as file:
        assert next(csv.reader(file)) == ["block", "step", "psnr"]
    card = again.describe(network)
    assert set(card["psnr"]) == {"1", "2", "3", "4"}
    assert card["course"][0] == {"block": 1, "step": 1, "psnr": 21.0}


def test_a_damaged_file_is_one_line(photographs, tmp_path):
    (tmp_path / "psnr.csv").write_text("block,step\n1,x\n")
    with pytest.raises(TrainingError, match=r"psnr\.csv is damaged .*; delete it"):
        ReconstructionLog(photographs, steps=[1] * 4, folder=tmp_path).read()


def test_without_photographs_nothing_is_measured(network, tmp_path):
    _note_all(ReconstructionLog([], steps=[6] * 4, folder=tmp_path), network, block=1, steps=6)
    assert list(tmp_path.iterdir()) == []


def test_an_exact_reconstruction_has_no_bound(photographs, monkeypatch):
    monkeypatch.setattr(
        "bench.peers.training.reconstruction.reconstruct", lambda network, photo, level: photo
    )
    assert measure_psnr(torch.nn.Linear(1, 1), photographs, 4) == math.inf
