"""Weights of the Keras applications: HDF5 files, converted to PyTorch's layouts.

Convention: Keras stores kernels as (height, width, in, out), depthwise ones as (height, width,
channels, 1). Its VGGs take BGR in 0 to 255 minus the mean; ours take RGB normalised by
torchvision's ImageNet mean and standard deviation. The first convolution absorbs the difference.
"""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from pcakd.errors import WeightsError
from pcakd.utils.extras import require_extra
from pcakd.weights.sets import MOBILENET_LAYERS, VGG16_LAYERS, VGG19_LAYERS, WeightSet

# rounded to float32 first, as where images are normalised
_MEAN = torch.tensor([0.485, 0.456, 0.406], dtype=torch.float32).double()
_STD = torch.tensor([0.229, 0.224, 0.225], dtype=torch.float32).double()
_CAFFE_MEAN_RGB = torch.tensor([123.68, 116.779, 103.939], dtype=torch.float32).double()

_ROLES = (
    (re.compile(r"^depthwise_kernel$"), "depthwise"),
    (re.compile(r"^(kernel|.*_W)(_\d+)?$"), "kernel"),
    (re.compile(r"^(bias|.*_b)(_\d+)?$"), "bias"),
    (re.compile(r"^(gamma|beta|moving_mean|moving_variance)(_\d+)?$"), ""),
)
_NORM_NAMES = {
    "gamma": "weight",
    "beta": "bias",
    "moving_mean": "running_mean",
    "moving_variance": "running_var",
}


def fold_caffe_preprocessing(weight: Tensor, bias: Tensor) -> tuple[Tensor, Tensor]:
    """Fold Caffe's preprocessing into a first convolution.

    With x an RGB image in [0, 1] and n = (x − mean) / std, the BGR convolution of
    255 x − caffe_mean equals the returned convolution of n. This holds for padding by reflection;
    zeros mean different colours in the two.

    Args:
        weight: Of shape (out, 3, h, w), input channels BGR.
        bias: Of shape (out,).

    Returns:
        Weight and bias, float32 (computed in float64), input channels RGB.
    """
    rgb = weight.double().flip(1)
    scale = (255 * _STD).view(1, 3, 1, 1)
    shift = (255 * _MEAN - _CAFFE_MEAN_RGB).view(1, 3, 1, 1)
    folded_bias = bias.double() + (rgb * shift).sum(dim=(1, 2, 3))
    return (rgb * scale).float(), folded_bias.float()


def read_keras_file(path: Path, entry: WeightSet) -> dict[str, Tensor]:
    """Read the layers of a weight set from a Keras application's HDF5 file.

    Returns:
        The tensors with the names and layouts of ``entry``.

    Raises:
        WeightsError: The file is missing, not HDF5, or lacks a layer.
    """
    h5py = require_extra("train", "h5py", "Keras weights")
    try:
        with h5py.File(path, "r") as file:
            if entry.backbone == "mobilenet_v1":
                return _read_mobilenet(file)
            return _read_vgg(file, VGG16_LAYERS if entry.backbone == "vgg16" else VGG19_LAYERS)
    except (OSError, RuntimeError, KeyError, ValueError, TypeError) as error:
        reason = " ".join(str(error).split())
        raise WeightsError(
            f"{path} cannot be read as the Keras file of {entry} ({reason}); download {entry.url}"
        ) from error


def _read_vgg(file: Any, layers: Mapping[int, str]) -> dict[str, Tensor]:
    tensors = {}
    for index, layer in layers.items():
        values = _read_layer(file, layer)
        weight, bias = _kernel(values["kernel"]), values["bias"]
        if index == 0:
            weight, bias = fold_caffe_preprocessing(weight, bias)
        tensors[f"features.{index}.weight"] = weight
        tensors[f"features.{index}.bias"] = bias
    return tensors


def _read_mobilenet(file: Any) -> dict[str, Tensor]:
    tensors = {}
    for layer in MOBILENET_LAYERS:
        values = _read_layer(file, layer)
        if "depthwise" in values:
            tensors[f"{layer}.weight"] = values["depthwise"].permute(2, 3, 0, 1).contiguous()
        else:
            tensors[f"{layer}.weight"] = _kernel(values["kernel"])
        statistics = _read_layer(file, f"{layer}_bn")
        for keras, name in _NORM_NAMES.items():
            tensors[f"{layer}_bn.{name}"] = statistics[keras]
    return tensors


def _kernel(kernel: Tensor) -> Tensor:
    return kernel.permute(3, 2, 0, 1).contiguous()


def _read_layer(file: Any, layer: str) -> dict[str, Tensor]:
    """Return a layer's arrays by role; their depth in the group depends on the version of Keras."""
    import h5py

    values: dict[str, Tensor] = {}

    def visit(name: str, node: Any) -> None:
        if isinstance(node, h5py.Dataset):
            leaf = name.rsplit("/", 1)[-1].split(":", 1)[0]
            values[_role(leaf)] = torch.from_numpy(np.asarray(node[()], dtype=np.float32))

    file[layer].visititems(visit)
    return values


def _role(leaf: str) -> str:
    for pattern, role in _ROLES:
        found = pattern.match(leaf)
        if found:
            return role or found.group(1)
    return leaf
