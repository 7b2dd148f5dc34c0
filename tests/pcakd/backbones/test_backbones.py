from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from safetensors.torch import save_file

from pcakd.backbones import (
    create_backbone,
    describe_blocks,
    get_backbone_entry,
    list_backbones,
    load_backbone,
    measure_channel_means,
    normalize_activations,
    split_weights,
)
from pcakd.backbones.mobilenet import create_mobilenet_v1
from pcakd.backbones.mobilenet_v2 import create_mobilenet_v2
from pcakd.backbones.vgg import create_vgg
from pcakd.errors import ConfigError, ShapeError, UnknownNameError, WeightsError

_VGG_SHAPES = {
    0: (64, 3), 2: (64, 64), 5: (128, 64), 7: (128, 128), 10: (256, 128), 12: (256, 256),
    14: (256, 256), 17: (512, 256),
}  # fmt: skip


def _seeded_vgg(seed=0):
    generator = torch.Generator().manual_seed(seed)
    tensors = {}
    for index, (wide_out, wide_in) in _VGG_SHAPES.items():
        weight = torch.randn(wide_out, wide_in, 3, 3, generator=generator)
        tensors[f"features.{index}.weight"] = weight * (2.0 / (9 * wide_in)) ** 0.5
        tensors[f"features.{index}.bias"] = torch.randn(wide_out, generator=generator) * 0.1
    return tensors


def _image(size=32, seed=0):
    return torch.rand(1, 3, size, size, generator=torch.Generator().manual_seed(seed))


@pytest.fixture(scope="module")
def vgg():
    return create_vgg("vgg16", _seeded_vgg(), None)


def test_vgg_taps_are_those_of_a_plain_loop():
    vgg = create_vgg("vgg16", _seeded_vgg(), None).double()
    tensors = {name: tensor.double() for name, tensor in _seeded_vgg().items()}
    mean = torch.tensor([0.485, 0.456, 0.406]).double()[:, None, None]
    std = torch.tensor([0.229, 0.224, 0.225]).double()[:, None, None]
    features = (_image().double() - mean) / std
    expected = []
    for index in _VGG_SHAPES:
        if index in (5, 10, 17):
            features = F.max_pool2d(features, 2)
        padded = F.pad(features, (1, 1, 1, 1), mode="reflect")
        weight, bias = tensors[f"features.{index}.weight"], tensors[f"features.{index}.bias"]
        features = F.relu(F.conv2d(padded, weight, bias))
        if index in (0, 5, 10, 17):
            expected.append(features)
    for tap, plain in zip(vgg(_image().double()), expected, strict=True):
        torch.testing.assert_close(tap, plain)


def test_normalised_channels_have_a_mean_of_one_and_the_same_directions():
    # in float64: a channel that hardly fires is the difference of large sums
    normal = create_vgg("vgg16", _seeded_vgg(), None).double()
    images = [_image(seed=seed).double() for seed in range(3)]
    means = measure_channel_means(normal, images)
    before = normal(images[0])
    normalize_activations(normal, means)
    pixels = 32 * 32  # means are taken in float32, of values that are not negative
    for tap, mean in zip(measure_channel_means(normal, images), means, strict=True):
        alive = mean > 1e-6
        ones = torch.ones_like(tap[alive])
        torch.testing.assert_close(
            tap[alive], ones, rtol=0, atol=pixels * torch.finfo(torch.float32).eps
        )
    for raw, scaled, mean in zip(before, normal(images[0]), means, strict=True):
        scale = torch.where(mean > 1e-6, mean, 1.0)[:, None, None]
        torch.testing.assert_close(scaled * scale, raw)


def test_a_silent_channel_keeps_its_scale():
    tensors = _seeded_vgg()
    tensors["features.0.weight"][5] = 0.0
    tensors["features.0.bias"][5] = -1.0
    teacher = create_vgg("vgg16", tensors, None)
    normalize_activations(teacher, measure_channel_means(teacher, [_image()]))
    assert all(bool(torch.isfinite(tap).all()) for tap in teacher(_image()))


def test_no_image_gives_no_means(vgg):
    with pytest.raises(ShapeError, match="no image"):
        measure_channel_means(vgg, [])


def test_missing_and_misshaped_weights_are_named():
    tensors = _seeded_vgg()
    del tensors["features.7.bias"]
    with pytest.raises(WeightsError, match=r"features\.7"):
        create_vgg("vgg16", tensors, None)
    tensors = _seeded_vgg()
    tensors["features.0.weight"] = torch.zeros(64, 3, 5, 5)
    with pytest.raises(WeightsError, match=r"should be \(64, 3, 3, 3\), is \(64, 3, 5, 5\)"):
        create_vgg("vgg16", tensors, None)
    with pytest.raises(WeightsError, match=r"conv1\.weight"):
        create_mobilenet_v1({}, None)


@pytest.fixture(scope="module")
def torchvision_v2():
    """torchvision's whole network, seeded, with statistics that matter."""
    from torchvision.models import mobilenet_v2

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        network = mobilenet_v2(weights=None).eval()
        for module in network.modules():
            if isinstance(module, torch.nn.BatchNorm2d):
                torch.nn.init.normal_(module.running_mean, std=0.1)
                torch.nn.init.uniform_(module.running_var, 0.5, 2.0)
                torch.nn.init.uniform_(module.weight, 0.5, 1.5)
                torch.nn.init.normal_(module.bias, std=0.1)
    return network


def test_mobilenet_v2_taps_are_those_of_torchvision(torchvision_v2):
    teacher = create_mobilenet_v2(torchvision_v2.state_dict(), None)
    mean = torch.tensor([0.485, 0.456, 0.406])[:, None, None]
    std = torch.tensor([0.229, 0.224, 0.225])[:, None, None]
    image = _image(64)
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


def test_tiny_is_seeded():
    first, again, other = (create_backbone("tiny", seed=seed) for seed in (0, 0, 1))
    assert torch.equal(first(_image())[3], again(_image())[3])
    assert not torch.equal(first(_image())[3], other(_image())[3])
    assert [t.shape[1] for t in first(_image())] == list(get_backbone_entry("tiny").widths)
    assert [32 // t.shape[2] for t in first(_image())] == list(first.strides)
    assert len(first(_image(), last_tap=2)) == 2


def test_load_backbone_returns_a_frozen_network_in_eval_mode_on_its_device():
    backbone = load_backbone("tiny", device="cpu", seed=3)
    assert isinstance(backbone, torch.nn.Module)
    assert not backbone.training
    assert not any(parameter.requires_grad for parameter in backbone.parameters())
    assert torch.equal(backbone(_image())[3], create_backbone("tiny", seed=3)(_image())[3])
    assert load_backbone("tiny", device=torch.device("meta")).blocks[1][1].weight.is_meta


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
        UnknownNameError, match=r"'vgg18' is not known; did you mean 'vgg1.*, vgg19, timm/NAME$"
    ):
        create_backbone("vgg18")
    with pytest.raises(UnknownNameError, match="weight set of vgg16 'keras' is not known"):
        create_backbone("vgg16", weight_set="keras")


def test_other_shapes_are_refused():
    with pytest.raises(ShapeError, match=r"\(b, 3, h, w\)"):
        create_backbone("tiny")(torch.rand(3, 8, 8))


@pytest.mark.weights
def test_the_mobilenet_teacher_fires_as_it_was_trained_to(weights_folder, data_folder):
    """Pre-normalisation means over photographs correlate with the stored running means."""
    from pcakd.images import list_images, load_image
    from pcakd.weights import load_weights

    loaded = load_weights("mobilenet_v1", "keras").tensors
    photos = list_images(data_folder / "photos" / "val")
    image = torch.stack([load_image(p)[:, :224, :224] for p in photos])
    padded = F.pad(image * 2 - 1, (0, 1, 0, 1))
    raw = F.conv2d(padded, loaded["conv1.weight"], stride=2).mean(dim=(0, 2, 3))
    pair = torch.stack((raw, loaded["conv1_bn.running_mean"]))
    assert float(torch.corrcoef(pair)[0, 1]) > 0.95
    image = image[:4]
    teacher = create_backbone("mobilenet_v1")
    assert [t.shape[1:] for t in teacher(image)] == [
        (32, 112, 112), (64, 56, 56), (128, 28, 28), (256, 14, 14)
    ]  # fmt: skip
    assert all(float(t.min()) >= 0.0 and float(t.max()) <= 6.0 for t in teacher(image))
