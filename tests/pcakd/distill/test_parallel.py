"""Training on several processes computes what one process does."""

import csv
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from pcakd.distill.parallel import join_group, own_part, world_size
from pcakd.eigenbases import load_eigenbases
from pcakd.errors import ConfigError
from pcakd.students import load_student


@pytest.fixture(scope="module")
def photos(tmp_path_factory):
    folder = tmp_path_factory.mktemp("photos")
    rng = np.random.default_rng(0)
    for index in range(8):
        coarse = Image.fromarray(rng.integers(0, 256, (6, 7, 3), dtype=np.uint8))
        coarse.resize((70, 60), Image.Resampling.BICUBIC).save(folder / f"{index}.png")
    return folder


def _distill(photos: Path, output: Path, *launcher: str, batch: str = "4") -> subprocess.CompletedProcess:
    command = [
        *(sys.executable, *launcher, "-m", "pcakd", "distill", "--backbone", "tiny"),
        *("--data", str(photos), "-o", str(output), "--device", "cpu", "--rate", "0.001"),
        *("--steps", "60,40,20", "--batch", batch, "--crop", "32", "--held-out", "2"),
        *("--basis-images", "5"),
    ]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)


def _losses(folder: Path) -> np.ndarray:
    with (folder / "losses.csv").open() as stream:
        return np.array(
            [[float(value or 0) for name, value in row.items() if name != "phase"] for row in csv.DictReader(stream)]
        )


TWO = ("-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2")


def test_two_processes_train_what_one_does(photos, tmp_path):
    alone, together = tmp_path / "one", tmp_path / "two"
    one, two = _distill(photos, alone), _distill(photos, together, *TWO)
    assert one.returncode == 0, one.stderr
    assert two.returncode == 0, two.stderr
    assert two.stdout.count("student:") == 1
    expected, found = (load_eigenbases(f / "eigenbases.safetensors")[0] for f in (alone, together))
    for a, b in zip(expected, found, strict=True):
        torch.testing.assert_close(a.basis, b.basis, atol=1e-10, rtol=0)
        torch.testing.assert_close(a.eigenvalues, b.eigenvalues, atol=1e-10, rtol=0)
    np.testing.assert_allclose(_losses(together), _losses(alone), rtol=2e-3, atol=1e-4)
    first, second = (load_student(f / "tiny.safetensors") for f in (alone, together))
    assert second.card["processes"] == 2
    for name, tensor in first.state_dict().items():
        torch.testing.assert_close(second.state_dict()[name], tensor, atol=5e-3, rtol=5e-3)


def test_a_batch_that_does_not_divide_is_refused_in_one_line(photos, tmp_path):
    done = _distill(photos, tmp_path / "run", *TWO, batch="2")
    assert done.returncode != 0
    lines = [line for line in done.stderr.splitlines() if "pcakd: error:" in line]
    assert len(lines) == 1
    assert "a batch of 1 couple does not divide among 2 processes" in lines[0]


def test_alone_everything_is_ones_own():
    assert world_size() == 1
    assert own_part(range(5)) == range(5)
    with join_group({}, torch.device("cpu")) as device:
        assert device == torch.device("cpu")
    with pytest.raises(ConfigError, match="mps"), join_group(
        {"WORLD_SIZE": "2"}, torch.device("mps")
    ):
        pass
