"""Backbones by name: loading, weights, errors."""

from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from seeded_inputs import seeded_image

from pcakd.backbones import (
    create_backbone,
    get_backbone_entry,
    list_backbones,
    load_backbone,
    split_weights,
)
from pcakd.errors import ConfigError, ShapeError, UnknownNameError, WeightsError

pytestmark = pytest.mark.numerics


def test_tiny_is_seeded():
    first, again, other = (create_backbone("tiny", seed=seed) for seed in (0, 0, 1))
    assert torch.equal(first(seeded_image())[3], again(seeded_image())[3])
    assert not torch.equal(first(seeded_image())[3], other(seeded_image())[3])
    assert [t.shape[1] for t in first(seeded_image())] == list(get_backbone_entry("tiny").widths)
    assert [32 // t.shape[2] for t in first(seeded_image())] == list(first.strides)
    assert len(first(seeded_image(), last_tap=2)) == 2


def test_load_backbone_returns_a_frozen_network_in_eval_mode_on_its_device():
    backbone = load_backbone("tiny", device="cpu", seed=3)
    assert isinstance(backbone, torch.nn.Module)
    assert not backbone.training
    assert not any(parameter.requires_grad for parameter in backbone.parameters())
    assert torch.equal(
        backbone(seeded_image())[3], create_backbone("tiny", seed=3)(seeded_image())[3]
    )
    placed = load_backbone("tiny", device=torch.device("cpu"))
    assert next(placed.parameters()).device == torch.device("cpu")


def test_weights_are_a_set_a_path_or_both(tmp_path):
    path = tmp_path / "w.safetensors"
    assert split_weights(None, "vgg16") == (None, None)
    assert split_weights("caffe", "vgg16") == ("caffe", None)
    assert split_weights("w.safetensors", "vgg16") == (None, Path("w.safetensors"))
    assert split_weights("folder/weights", "vgg16") == (None, Path("folder/weights"))
    assert split_weights(path, "vgg16") == (None, path)
    assert split_weights(f"torchvision={path}", "vgg16") == ("torchvision", path)


def test_load_backbone_reads_a_file(torchvision_v2, tmp_path):
    path = tmp_path / "w.safetensors"
    tensors = torchvision_v2.state_dict()
    save_file({n: t for n, t in tensors.items() if "tracked" not in n}, path)
    for weights in (path, str(path), f"torchvision={path}"):
        assert load_backbone("mobilenet_v2", weights=weights).card.source == "path"


@pytest.mark.parametrize(
    ("name", "options", "error", "message"),
    [
        ("vgg18", {}, UnknownNameError, "'vgg18' is not known"),
        ("vgg18", {"weights": "caffe"}, UnknownNameError, "backbone 'vgg18' is not known"),
        ("vgg16", {"weights": "keras"}, UnknownNameError, "weight set of vgg16 'keras' is not kno"),
        ("vgg16", {"weights": "nowhere.pth"}, WeightsError, "nowhere.pth is not a file"),
        ("tiny", {"weights": "caffe"}, ConfigError, "'tiny' has random weights and cannot load c"),
        ("tiny", {"device": "gpu"}, ConfigError, "device 'gpu' is not known"),
    ],
)  # fmt: skip
def test_what_cannot_be_loaded_is_an_error_of_one_line(name, options, error, message):
    with pytest.raises(error, match=message) as caught:
        load_backbone(name, **options)
    assert "\n" not in str(caught.value)


def test_names():
    assert list_backbones() == ("vgg16", "vgg19", "mobilenet_v1", "mobilenet_v2", "tiny")
    with pytest.raises(
        UnknownNameError,
        match=r"'vgg18' is not known; did you mean 'vgg1.*, vgg19, timm/NAME, python:",
    ):
        create_backbone("vgg18")
    with pytest.raises(UnknownNameError, match="weight set of vgg16 'keras' is not known"):
        create_backbone("vgg16", weight_set="keras")


def test_other_shapes_are_refused():
    with pytest.raises(ShapeError, match=r"\(b, 3, h, w\)"):
        create_backbone("tiny")(torch.rand(3, 8, 8))
