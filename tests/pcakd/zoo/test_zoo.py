"""Names and versions of the shipped students."""

from itertools import product

import pytest
import torch

import pcakd
from bench.subjects import parse_subject
from bench.subjects.parse import find_card
from pcakd import zoo
from pcakd.errors import UnknownNameError


def test_a_name_stands_for_the_current_version():
    assert pcakd.list_students() == tuple(zoo.CURRENT)
    for name, version in zoo.CURRENT.items():
        versioned = f"{name}@{version}"
        assert versioned in pcakd.list_students(versions=True)
        one, other = pcakd.load_student(name), pcakd.load_student(versioned)
        pairs = zip(one.state_dict().values(), other.state_dict().values(), strict=True)
        assert all(torch.equal(a, b) for a, b in pairs)
        assert pcakd.load_card(name) == pcakd.load_card(versioned)
        assert find_card(name) == find_card(versioned)


@pytest.mark.parametrize("name", pcakd.list_students(versions=True))
def test_each_version_is_a_student_with_card_and_losses(name):
    assert pcakd.load_student(name).num_params == pcakd.load_card(name)["num_params"]
    for suffix in (".json", ".losses.csv"):
        assert zoo.find_file(name, suffix).is_file()
    subject = parse_subject(f"{name}+bf16@ot")
    assert (subject.name, subject.transforms) == (f"{name}+bf16", ("ot",))


@pytest.mark.parametrize("name", pcakd.list_students())
@pytest.mark.parametrize("colour", list(product((0.0, 1.0), repeat=3)))
def test_flat_saturated_colours_stay_what_they_are(name, colour):
    flat = torch.tensor(colour)[:, None, None].expand(3, 48, 64)
    result = pcakd.load_student(name)(flat, flat)
    torch.testing.assert_close(result, flat, atol=1e-3, rtol=0)


@pytest.mark.parametrize("name", ["vgg16@0", "vgg16@99", "vgg16@", "vgg16@one", "@1"])
def test_versions_that_do_not_exist_are_refused(name):
    with pytest.raises(UnknownNameError, match="is not known"):
        pcakd.load_student(name)
    assert not zoo.is_name(name)


def test_earlier_versions_have_files_of_their_own(tmp_path, monkeypatch):
    for file in ("a.safetensors", "a@1.safetensors", "a@3.safetensors"):
        (tmp_path / file).touch()
    monkeypatch.setattr(zoo, "files", lambda package: tmp_path)
    monkeypatch.setattr(zoo, "CURRENT", {"a": 2})
    assert zoo.list_names() == ("a",)
    assert zoo.list_names(versions=True) == ("a@1", "a@2", "a@3")
    assert zoo.find_file("a@2").name == "a.safetensors"
    assert zoo.find_file("a@1").name == "a@1.safetensors"
