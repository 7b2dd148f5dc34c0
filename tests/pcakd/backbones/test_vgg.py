"""VGG's taps and its weights."""

import pytest
import torch
import torch.nn.functional as F
from seeded_inputs import VGG_SHAPES, seeded_image, seeded_vgg

from pcakd.backbones.mobilenet import create_mobilenet_v1
from pcakd.backbones.vgg import create_vgg
from pcakd.errors import WeightsError


def test_vgg_taps_are_those_of_a_plain_loop():
    vgg = create_vgg("vgg16", seeded_vgg(), None).double()
    tensors = {name: tensor.double() for name, tensor in seeded_vgg().items()}
    mean = torch.tensor([0.485, 0.456, 0.406]).double()[:, None, None]
    std = torch.tensor([0.229, 0.224, 0.225]).double()[:, None, None]
    features = (seeded_image().double() - mean) / std
    expected = []
    for index in VGG_SHAPES:
        if index in (5, 10, 17):
            features = F.max_pool2d(features, 2)
        padded = F.pad(features, (1, 1, 1, 1), mode="reflect")
        weight, bias = tensors[f"features.{index}.weight"], tensors[f"features.{index}.bias"]
        features = F.relu(F.conv2d(padded, weight, bias))
        if index in (0, 5, 10, 17):
            expected.append(features)
    for tap, plain in zip(vgg(seeded_image().double()), expected, strict=True):
        torch.testing.assert_close(tap, plain)


def test_missing_and_misshaped_weights_are_named():
    tensors = seeded_vgg()
    del tensors["features.7.bias"]
    with pytest.raises(WeightsError, match=r"features\.7"):
        create_vgg("vgg16", tensors, None)
    tensors = seeded_vgg()
    tensors["features.0.weight"] = torch.zeros(64, 3, 5, 5)
    with pytest.raises(WeightsError, match=r"should be \(64, 3, 3, 3\), is \(64, 3, 5, 5\)"):
        create_vgg("vgg16", tensors, None)
    with pytest.raises(WeightsError, match=r"conv1\.weight"):
        create_mobilenet_v1({}, None)
