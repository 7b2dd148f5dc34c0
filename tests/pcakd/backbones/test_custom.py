import copy
import sys

import pytest
import torch

from pcakd.backbones import get_backbone_entry, identify_teacher, load_backbone
from pcakd.cli import main
from pcakd.errors import ConfigError, PcakdError, UnknownNameError
from pcakd.students import describe_student

REGNET = "python:other_networks:regnet"
_MODULE = '''
import torch
import torchvision
from torch import nn

import pcakd


def regnet():
    """A classifier, random weights: nothing to do with style transfer."""
    torch.manual_seed(0)
    model = torchvision.models.regnet_x_400mf(weights=None)
    return model, ("stem", "trunk_output.block1", "trunk_output.block2", "trunk_output.block3")


def ready():
    return pcakd.load_backbone("tiny", seed=3)


def _convs(*strides):
    widths = [3, *[4] * len(strides)]
    layers = [nn.Conv2d(w, 4, 3, stride=s, padding=1) for w, s in zip(widths, strides)]
    return nn.Sequential(*layers)


def deep():
    return _convs(4, 4, 2, 2), ("0", "1", "2", "3")


def absent():
    return _convs(2, 2, 2, 2), ("0", "1", "2", "9")


def flat():
    return nn.Sequential(*_convs(2, 2, 2), nn.Flatten()), ("0", "1", "2", "3")


def three():
    return _convs(2, 2, 2), ("0", "1", "2")


def broken():
    raise RuntimeError("no\\nweights")


def square():
    return nn.Sequential(nn.Flatten(), nn.Linear(3, 3)), ("0", "1", "0", "1")


def bare():
    return nn.Sequential(*[nn.AvgPool2d(2) for _ in range(4)]), ("0", "1", "2", "3")


NOTHING = 3
'''


@pytest.fixture(autouse=True)
def module(tmp_path_factory, monkeypatch):
    folder = tmp_path_factory.mktemp("modules")
    (folder / "other_networks.py").write_text(_MODULE, encoding="utf-8")
    monkeypatch.syspath_prepend(str(folder))
    yield
    sys.modules.pop("other_networks", None)


def test_taps_are_what_the_submodules_return():
    backbone = load_backbone(REGNET)
    assert backbone.strides == (2, 4, 8, 16)
    assert backbone.widths == get_backbone_entry(REGNET).widths == (32, 32, 64, 160)
    image = torch.rand(2, 3, 96, 64, generator=torch.Generator().manual_seed(0))
    taps = backbone(image)
    model = backbone.blocks[0].model
    stem = model.stem(image)
    torch.testing.assert_close(taps[0], stem)
    torch.testing.assert_close(taps[1], model.trunk_output.block1(stem))
    assert [tuple(tap.shape[2:]) for tap in taps] == [(48, 32), (24, 16), (12, 8), (6, 4)]
    assert len(backbone(image, last_tap=2)) == 2


def test_a_copy_has_hooks_of_its_own():
    backbone = load_backbone(REGNET)
    other = copy.deepcopy(backbone).double()
    image = torch.rand(1, 3, 64, 64)
    for one, two in zip(backbone(image), other(image), strict=True):
        torch.testing.assert_close(one, two.float(), rtol=1e-4, atol=1e-5)


def test_its_student_has_its_strides():
    spec = describe_student(load_backbone(REGNET), (3, 4, 5, 6))
    assert spec.architecture == "designed"
    assert [design.stride for design in spec.designs] == [2, 2, 2, 2]


def test_a_factory_can_return_a_backbone():
    assert load_backbone("python:other_networks:ready").name == "python:other_networks:ready"
    assert load_backbone("python:other_networks:ready").taps == ("relu1", "relu2", "relu3", "relu4")


def test_it_can_be_analysed(photos, tmp_path, capsys):
    given = ["--backbone", REGNET, "--data", str(photos), "-o", str(tmp_path / "a")]
    options = ["--no-latency", "--crop", "64", "--device", "cpu"]
    assert main(["analyze", *given, *options]) == 0
    captured = capsys.readouterr()
    assert captured.err.startswith("importing other_networks for backbone python:")
    assert "trunk_output.block3" in captured.out
    assert main(["plan", str(tmp_path / "a"), "--budget", "params=20k"]) == 0


@pytest.mark.parametrize(
    ("name", "error", "message"),
    [
        ("other_networks:none", UnknownNameError, "has no function 'none'"),
        ("other_networks:NOTHING", UnknownNameError, "has no function"),
        ("no_such_module:create", UnknownNameError, "cannot be imported"),
        ("other_networks", ConfigError, "names no factory"),
        ("other_networks:broken", ConfigError, "RuntimeError: no weights"),
        ("other_networks:deep", ConfigError, "strides 4, 16, 32, 64"),
        ("other_networks:absent", ConfigError, "has no submodule '9'"),
        ("other_networks:flat", ConfigError, "3 returns no map of features"),
        ("other_networks:three", ConfigError, "names of four of its submodules"),
        ("other_networks:bare", ConfigError, "has no parameters"),
        ("other_networks:square", ConfigError, "cannot run on 64 × 64 pixels"),
    ],
)
def test_other_factories_are_one_line(name, error, message):
    with pytest.raises(error, match=message) as caught:
        load_backbone(f"python:{name}")
    assert "\n" not in str(caught.value)


def test_weights_are_the_factory_s():
    with pytest.raises(PcakdError, match="has the weights of its factory"):
        load_backbone(REGNET, weights="torchvision")


def test_a_teacher_is_known_by_its_weights():
    """A run resumes with the same weights alone; seeded teachers of ours have a seed for that."""
    first, second = load_backbone(REGNET), load_backbone(REGNET)
    assert identify_teacher(first) == identify_teacher(second)
    second.blocks[0].model.stem[0].weight.data.add_(1e-3)
    assert identify_teacher(first) != identify_teacher(second)
    assert identify_teacher(load_backbone("tiny")) is None
