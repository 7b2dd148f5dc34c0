"""The configuration of a distillation: defaults, and one line for each mistake."""

from pathlib import Path

import pytest
import torch

from pcakd.distillation.config import DistillConfig
from pcakd.distillation.recipe import Recipe
from pcakd.distillation.recipes import create_recipe
from pcakd.errors import ConfigError, PcakdError


def _config(**changes):
    return DistillConfig(
        **{"backbone": "tiny", "data": "p", "output": "o", "device": "cpu"} | changes
    )


def test_three_arguments_are_enough():
    config = DistillConfig(backbone="vgg16", data="photos", output="runs/a")
    assert config.rank_rule.ranks == (10, 20, 58, 64)
    assert config.settings == Recipe()
    assert config.student_path == Path("runs/a/vgg16.safetensors")
    assert config.split_weights() == (None, None)
    assert not config.resume


def test_a_backbone_has_its_own_recipe_and_rank_rule():
    assert _config().settings == create_recipe("tiny")
    assert _config(recipe=Recipe(seed=3)).settings.seed == 3
    assert _config(backbone="mobilenet_v2").rank_rule.mcev == 0.85
    assert _config(explained=0.9).rank_rule.explained == 0.9
    assert _config(device=torch.device("cpu")).resolve_device() == torch.device("cpu")


@pytest.mark.parametrize(
    ("weights", "expected"),
    [
        ("torchvision", ("torchvision", None)),
        ("torchvision=a/w.pth", ("torchvision", Path("a/w.pth"))),
        ("w.safetensors", (None, Path("w.safetensors"))),
        (Path("a/w"), (None, Path("a/w"))),
        ("unknown", ("unknown", None)),
    ],
)
def test_weights_are_a_set_or_a_file_or_both(weights, expected):
    assert _config(backbone="vgg16", weights=weights).split_weights() == expected


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"backbone": "vgg18"}, "did you mean 'vgg1"),
        ({"name": "../mine"}, "cannot be a file's"),
        ({"name": "checkpoint"}, "is reserved"),
        ({"ranks": (1, 2)}, "do not fit tiny; give one for each tap"),
        ({"ranks": (0, 1, 1, 1)}, "ranks must be positive integers"),
        ({"ranks": (9, 1, 1, 1)}, r"at most \(8, 12, 16, 20\)"),
        ({"mcev": 1.5}, "must lie in"),
        ({"mcev": 0.5, "explained": 0.5}, "exactly one"),
        ({"device": "tpu"}, "device 'tpu'"),
    ],
)
def test_mistakes_are_one_line(changes, message):
    with pytest.raises(PcakdError, match=message) as caught:
        _config(**changes)
    assert "\n" not in str(caught.value)


def test_a_configuration_is_frozen():
    with pytest.raises(AttributeError):
        _config().name = "other"
    with pytest.raises(ConfigError, match="identity_share must lie in"):
        Recipe(identity_share=1.5)
