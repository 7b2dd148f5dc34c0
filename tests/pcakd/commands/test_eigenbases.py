import numpy as np
import pytest
import torch
from command_line import one_line
from PIL import Image

from pcakd.backbones import load_backbone
from pcakd.cli import main
from pcakd.distillation.data.photos import Photos
from pcakd.distillation.eigenbases import fit_over_processes
from pcakd.eigenbases import RankRule, load_eigenbases


@pytest.fixture
def photos(tmp_path):
    folder = tmp_path / "photos"
    folder.mkdir()
    rng = np.random.default_rng(0)
    for number, size in enumerate(((300, 260), (280, 400), (200, 90))):
        noise = Image.fromarray(rng.integers(0, 256, (9, 12, 3), dtype=np.uint8))
        noise.resize(size).save(folder / f"{number}.png")
    return folder


def _run(photos, output, *options):
    given = ["--backbone", "tiny", "--data", str(photos), "-o", str(output), "--device", "cpu"]
    return main(["eigenbases", *given, *options])


def test_the_file_holds_what_distillation_would_fit(photos, tmp_path, capsys):
    assert _run(photos, tmp_path / "bases.safetensors", "--ranks", "2,3,4,5") == 0
    fitted, means, card = load_eigenbases(tmp_path / "bases.safetensors")
    expected, _ = fit_over_processes(
        load_backbone("tiny"),
        Photos(photos, held_out=0, seed=0),
        rule=RankRule(ranks=(2, 3, 4, 5)),
        images=500,
        device=torch.device("cpu"),
        normalized=False,
    )
    for one, other in zip(fitted, expected, strict=True):
        # vectors of close eigenvalues enlarge the rounding of float32 features
        torch.testing.assert_close(one.basis, other.basis, rtol=0, atol=1e-3)
        assert one.mcev == pytest.approx(other.mcev, abs=1e-5)
    assert not means
    assert sorted(card["photos"]) == ["0.png", "1.png", "2.png"]
    assert "mcev" in capsys.readouterr().out


def test_black_photographs_are_an_error_and_nothing_is_written(tmp_path, capsys):
    folder = tmp_path / "black"
    folder.mkdir()
    for number in range(2):
        Image.new("RGB", (300, 300)).save(folder / f"{number}.png")
    assert _run(folder, tmp_path / "bases.safetensors", "--mcev", "0.85") == 2
    captured = capsys.readouterr()
    assert "no variance to explain" in captured.err.splitlines()[-1]
    assert not captured.out
    assert not (tmp_path / "bases.safetensors").exists()


def test_weights_for_a_random_backbone_are_an_error(photos, tmp_path, capsys):
    assert _run(photos, tmp_path / "bases.safetensors", "--weights", "caffe") == 2
    assert "'tiny' has random weights and cannot load caffe" in capsys.readouterr().err


def test_a_photograph_is_not_replaced(photos, tmp_path, capsys):
    photo = tmp_path / "photo.jpg"
    photo.write_bytes(b"kept")
    assert _run(photos, photo, "--ranks", "2,3,4,5") == 2
    one_line(capsys, photo, "must end in .safetensors")
    assert photo.read_bytes() == b"kept"
