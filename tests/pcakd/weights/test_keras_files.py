"""Keras files: conversion, folding, damaged files."""

import h5py
import numpy as np
import pytest
import torch
from torch.nn.functional import conv2d

from pcakd.errors import WeightsError
from pcakd.weights import (
    get_weight_set,
    load_weights,
)
from pcakd.weights.keras_files import fold_caffe_preprocessing, read_keras_file
from pcakd.weights.sets import MOBILENET_LAYERS, VGG16_LAYERS

pytestmark = pytest.mark.numerics


VGG, MOBILENET = get_weight_set("vgg16", "caffe"), get_weight_set("mobilenet_v1", "keras")


MEAN, STD = torch.tensor([0.485, 0.456, 0.406]), torch.tensor([0.229, 0.224, 0.225])


def put(file, layer, **arrays):
    """Write a layer as Keras does: a group in a group of the same name."""
    for name, array in arrays.items():
        file[f"{layer}/{layer}/{name}:0"] = array


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
    # each folded number is rounded to float32 once
    magnitude = conv2d(normalised.abs(), folded_weight.double().abs(), folded_bias.double().abs())
    assert bool(((got - expected).abs() <= torch.finfo(torch.float32).eps * magnitude).all())


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
    """The inverse of the folded first layer folds back to the pinned hash."""
    stored = load_weights("vgg16", "caffe", path=weights_folder).tensors
    with h5py.File(tmp_path / "vgg16.h5", "w") as file:
        for index, layer in VGG16_LAYERS.items():
            weight = stored.get(f"features.{index}.weight", torch.zeros(1, 1, 1, 1))
            bias = stored.get(f"features.{index}.bias", torch.zeros(1))
            if index == 0:
                weight, bias = unfold(weight, bias)
            put(file, layer, kernel=weight.permute(2, 3, 1, 0).numpy(), bias=bias.numpy())
    assert load_weights("vgg16", "caffe", path=tmp_path / "vgg16.h5").card.verified
