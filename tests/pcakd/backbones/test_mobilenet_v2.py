"""MobileNet-V2 against torchvision's."""

import pytest
import torch
from safetensors.torch import save_file
from seeded_inputs import seeded_image

from pcakd.backbones import (
    create_backbone,
    describe_blocks,
)
from pcakd.backbones.mobilenet_v2 import create_mobilenet_v2
from pcakd.errors import WeightsError

pytestmark = pytest.mark.numerics


def test_mobilenet_v2_taps_are_those_of_torchvision(torchvision_v2):
    teacher = create_mobilenet_v2(torchvision_v2.state_dict(), None)
    mean = torch.tensor([0.485, 0.456, 0.406])[:, None, None]
    std = torch.tensor([0.229, 0.224, 0.225])[:, None, None]
    image = seeded_image(64)
    with torch.inference_mode():
        taps = teacher(image)
        features, expected = (image - mean) / std, []
        for number, layer in enumerate(torchvision_v2.features):
            features = layer(features)
            if number in (1, 3, 6, 13):
                expected.append(features)
    for tap, plain, width, stride in zip(
        taps, expected, teacher.widths, teacher.strides, strict=True
    ):
        assert torch.equal(tap, plain)
        assert tap.shape == (1, width, 64 // stride, 64 // stride)
        assert float(tap.min()) < 0.0  # linear bottlenecks
    assert len(teacher(image, last_tap=2)) == 2
    assert not any(p.requires_grad for p in teacher.parameters())


def test_mobilenet_v2_is_made_of_inverted_blocks(torchvision_v2):
    designs = describe_blocks(create_mobilenet_v2(torchvision_v2.state_dict(), None))
    assert {(d.kind, d.stride, d.linear) for d in designs} == {("inverted", 2, True)}
    assert [d.expansion for d in designs] == [2.0, 6.0, 6.0, 6.0]


def test_mobilenet_v2_leaves_the_global_generator_alone(torchvision_v2):
    torch.manual_seed(7)
    expected = torch.rand(1)
    torch.manual_seed(7)
    create_mobilenet_v2(torchvision_v2.state_dict(), None)
    assert torch.equal(torch.rand(1), expected)


def test_mobilenet_v2_weights_are_checked(torchvision_v2, tmp_path):
    tensors = torchvision_v2.state_dict()
    save_file({n: t for n, t in tensors.items() if "tracked" not in n}, tmp_path / "w.safetensors")
    teacher = create_backbone("mobilenet_v2", path=tmp_path / "w.safetensors")
    assert not teacher.card.verified
    spoilt = tensors | {"features.7.conv.1.0.weight": torch.zeros(1)}
    with pytest.raises(WeightsError, match=r"features\.7\.conv\.1\.0\.weight should be"):
        create_mobilenet_v2(spoilt, None)
    with pytest.raises(WeightsError, match="is absent"):
        create_mobilenet_v2({}, None)
