"""Packed files of peers: the decoder in float16, and an encoder made of the teacher's weights."""

import copy
import json
from dataclasses import replace

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file

from bench.peers import storage, zoo
from bench.peers.encoder import copy_encoder
from bench.peers.fetching import describe_file
from bench.peers.registry import get_vgg_peer
from bench.peers.storage import (
    PACKED,
    EncoderSource,
    TrainedPeer,
    is_peer_file,
    load_peer,
    save_decoder,
    save_peer,
)
from bench.subjects import parse_subject
from bench.subjects.parse import find_card
from pcakd.backbones import normalize_activations
from pcakd.backbones.vgg import create_vgg
from pcakd.errors import OutputError, StudentFileError
from pcakd.weights import WeightsCard, hash_tensors

_CONVS = {0: (3, 64), 2: (64, 64), 5: (64, 128), 7: (128, 128), 10: (128, 256), 12: (256, 256)}
_CONVS |= {14: (256, 256), 17: (256, 512)}


def _teacher(seed=0):
    generator = torch.Generator().manual_seed(seed)
    tensors = {}
    for index, (k, n) in _CONVS.items():
        tensors[f"features.{index}.weight"] = torch.randn(n, k, 3, 3, generator=generator) / k
        tensors[f"features.{index}.bias"] = torch.randn(n, generator=generator)
    card = WeightsCard(
        backbone="vgg16", weight_set="caffe", source="path", sha256=hash_tensors(tensors),
        verified=False, licence="none", url=None,
    )  # fmt: skip
    return create_vgg("vgg16", tensors, card)


@pytest.fixture(scope="module")
def means():
    generator = torch.Generator().manual_seed(1)
    return [torch.rand(width, generator=generator).double() + 0.1 for width in (64, 128, 256, 512)]


@pytest.fixture(scope="module")
def trained(means):
    teacher = _teacher()
    normalize_activations(teacher, means)
    network = get_vgg_peer("wct2-sum").create_seeded("vgg16", seed=3)
    copy_encoder(teacher, network)
    return TrainedPeer(name="wct2-sum", autoencoder=network, card={"steps": 7})


@pytest.fixture
def packed(trained, means, tmp_path, monkeypatch):
    monkeypatch.setattr(storage, "create_backbone", lambda depth, *, weight_set: _teacher())
    path = tmp_path / f"wct2-sum-vgg16{PACKED}"
    sha256 = _teacher().card.sha256
    source = EncoderSource(weight_set="caffe", sha256=sha256, channel_means=means)
    save_decoder(path, trained, source)
    return path


def test_a_packed_file_is_the_peer_to_half_precision(trained, packed, tmp_path):
    assert is_peer_file(packed)
    loaded = load_peer(packed)
    assert (loaded.name, loaded.card) == ("wct2-sum", {"steps": 7})
    expected = trained.autoencoder.state_dict()
    for name, tensor in loaded.autoencoder.state_dict().items():
        assert tensor.dtype == torch.float32
        if name.startswith("decoder."):
            assert torch.equal(tensor, expected[name].half().float())
        else:  # the means are float32 in the file
            torch.testing.assert_close(tensor, expected[name], rtol=1e-6, atol=0)
    save_peer(tmp_path / "whole.safetensors", trained)
    assert packed.stat().st_size < 0.3 * (tmp_path / "whole.safetensors").stat().st_size


def test_other_weights_of_the_teacher_are_refused(packed, monkeypatch):
    monkeypatch.setattr(storage, "create_backbone", lambda depth, *, weight_set: _teacher(seed=1))
    with pytest.raises(StudentFileError, match="its encoder has other weights of vgg16"):
        load_peer(packed)


def test_a_weight_beyond_half_precision_is_not_written(trained, means, tmp_path):
    network = copy.deepcopy(trained.autoencoder)
    network.decoder.layers(1)[0].conv.weight[0, 0, 0, 0] = 1e6
    source = EncoderSource(weight_set="caffe", sha256="0", channel_means=means)
    with pytest.raises(OutputError, match="too large for float16"):
        save_decoder(tmp_path / "packed.safetensors", replace(trained, autoencoder=network), source)
    assert list(tmp_path.iterdir()) == []


def test_a_packed_file_is_a_subject_named_like_its_whole_file(packed):
    packed.with_name("wct2-sum-vgg16.json").write_text("{}")
    subject = parse_subject(str(packed))
    assert (subject.name, subject.has_quality) == ("wct2-sum-vgg16", True)
    assert find_card(str(packed)).name == "wct2-sum-vgg16.json"


def test_a_trained_peer_is_a_subject_by_its_name(packed, monkeypatch):
    card = {"file": describe_file(packed)}
    packed.with_name("wct2-sum-vgg16.json").write_text(json.dumps(card))
    monkeypatch.setattr(zoo, "_folder", lambda: packed.parent)
    by_name, by_path = parse_subject("wct2-sum-vgg16"), parse_subject(str(packed))
    assert (by_name.name, by_name.hash) == (by_path.name, by_path.hash)
    assert by_name.cost_subject == "wct2-sum"
    assert parse_subject("wct2-sum-vgg16+fp16@ot").transforms == ("ot",)


def _rewrite(path, tensors, **changes):
    with safe_open(path, framework="pt") as stream:
        header = json.loads(stream.metadata()["pcakd"])
    save_file(tensors, path, metadata={"pcakd": json.dumps(header | changes)})


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("channel_means.2", None, "means of tap 2 are wrong"),
        ("channel_means.3", torch.ones(5), "means of tap 3 are wrong"),
        ("decoder.blocks.0.0.conv.bias", None, "is absent"),
        ("encoder.blocks.0.0.conv.bias", torch.ones(3), "should be absent"),
        ("decoder.blocks.0.0.conv.bias", torch.ones(4), "should be \\(3,\\), is \\(4,\\)"),
        ("other", torch.ones(4), "should be absent"),
    ],
)
def test_damaged_files_are_refused(packed, name, value, message):
    tensors = load_file(packed)
    tensors.pop(name, None)
    if value is not None:
        tensors[name] = value
    _rewrite(packed, tensors)
    with pytest.raises(StudentFileError, match=message):
        load_peer(packed)


@pytest.mark.parametrize(
    "encoder",
    ["caffe", ["weight_set"], {"weight_set": "caffe"}, {"weight_set": "caffe", "sha256": 1}],
)
def test_an_encoder_of_another_form_is_refused(packed, encoder):
    _rewrite(packed, load_file(packed), encoder=encoder)
    with pytest.raises(StudentFileError, match="no trained peer of this release"):
        load_peer(packed)
