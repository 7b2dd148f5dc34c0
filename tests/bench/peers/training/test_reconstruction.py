"""PSNR of reconstructions: its values, and when a training measures it."""

import csv
import math
import shutil

import numpy as np
import pytest
import torch
from PIL import Image
from skimage.metrics import peak_signal_noise_ratio

from bench.peers.registry import get_vgg_peer
from bench.peers.training.reconstruction import (
    ReconstructionLog,
    ValPhotos,
    measure_psnr,
    read_val,
    reconstruct,
)
from pcakd.distillation.data.photos import Photos
from pcakd.distillation.trainer import Step
from pcakd.errors import ImageError, ShapeError, TrainingError
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


@pytest.mark.parametrize("level", [1, 2, 3, 4])
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
    log = ReconstructionLog(ValPhotos(paths=photographs), steps=[2, 12, 7, 1], folder=tmp_path)
    _note_all(log, network, block=1, steps=2)
    _note_all(log, network, block=2, steps=12)
    assert levels == [1] * 2 + [2] * 6
    assert [step for block, step in log.read() if block == 2] == [2, 4, 6, 8, 10, 12]
    # a resumed training repeats steps, and their rows are replaced
    again = ReconstructionLog(ValPhotos(paths=photographs), steps=[2, 12, 7, 1], folder=tmp_path)
    (tmp_path / "psnr.csv").write_text((tmp_path / "psnr.csv").read_text() + "2,3,9.0\n")
    again.note(Step(phase="decoder", block=2, number=12, loss=0.0, network=network))
    assert len(again.read()) == 9
    assert again.read()[2, 12] == 29.0
    with (tmp_path / "psnr.csv").open() as file:
        assert next(csv.reader(file)) == ["block", "step", "psnr"]
    card = again.describe(network)
    assert set(card["psnr"]) == {"1", "2", "3", "4"}
    assert card["course"][0] == {"block": 1, "step": 1, "psnr": 21.0}
    assert {"block": 2, "step": 3, "psnr": 9.0} not in card["course"]  # not a sixth
    again.clear()
    assert again.read() == {}


def test_an_infinite_value_is_no_number_on_the_card(network, photographs, tmp_path, monkeypatch):
    monkeypatch.setattr(
        "bench.peers.training.reconstruction.measure_psnr", lambda network, photos, level: math.inf
    )
    log = ReconstructionLog(ValPhotos(paths=photographs), steps=[1] * 4, folder=tmp_path)
    assert log.describe(network)["psnr"] == dict.fromkeys("1234")


def _small(folder):
    Image.new("RGB", (30, 15)).save(folder / "small.png")


def _damaged(folder):
    (folder / "damaged.png").write_bytes(b"no image")


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        (_small, ShapeError, r"small\.png\) image is 30 × 15"),
        (_damaged, ImageError, r"damaged\.png"),
        (lambda folder: [path.unlink() for path in folder.iterdir()], ImageError, "no image"),
    ],
)
def test_photographs_that_cannot_be_used_are_named(photos, photographs, change, error, message):
    folder = photographs[0].parent
    change(folder)
    with pytest.raises(error, match=message):
        read_val(folder, Photos(photos, held_out=1, seed=0), output=folder.parent / "run")


def test_photographs_of_the_training_are_refused(photos, photographs):
    folder = photographs[0].parent
    training = Photos(photos, held_out=1, seed=0)
    found = read_val(folder, training, output=folder.parent / "run")
    assert list(found.paths) == photographs
    assert len(found.digest) == 64
    shutil.copy(training.held_out[0], folder / "copy.png")
    with pytest.raises(TrainingError, match=r"copy\.png is also a photograph of the training"):
        read_val(folder, training, output=folder.parent / "run")
    with pytest.raises(TrainingError, match="is the folder of the photographs"):
        read_val(folder, training, output=folder)


@pytest.mark.parametrize("text", ["block,step\n1,x\n", "block,step,psnr\n5,1,20\n"])
def test_a_damaged_file_is_one_line(photographs, tmp_path, text):
    (tmp_path / "psnr.csv").write_text(text)
    with pytest.raises(TrainingError, match=r"psnr\.csv is damaged .*; delete it"):
        ReconstructionLog(ValPhotos(paths=photographs), steps=[1] * 4, folder=tmp_path).read()


def test_without_photographs_nothing_is_measured(network, tmp_path):
    _note_all(
        ReconstructionLog(ValPhotos(), steps=[6] * 4, folder=tmp_path), network, block=1, steps=6
    )
    assert list(tmp_path.iterdir()) == []


def test_an_exact_reconstruction_has_no_bound(photographs, monkeypatch):
    monkeypatch.setattr(
        "bench.peers.training.reconstruction.reconstruct", lambda network, photo, level: photo
    )
    assert measure_psnr(torch.nn.Linear(1, 1), photographs, 4) == math.inf
