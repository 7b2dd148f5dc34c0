"""Files of students: round trips, damaged files, cards."""

import json
import pickle

import pytest
import torch
from student_specs import DESIGNED, TINY

from pcakd.errors import ConfigError, OutputError, StudentFileError, UnknownNameError
from pcakd.students import create_student, list_students, load_student, save_student
from pcakd.utils.files import read_safetensors, write_safetensors


def test_files_round_trip(tmp_path):
    student = create_student(TINY, regularizer=0.5)
    student.eigenbases = (torch.eye(8)[:, :4],)
    student.channel_means = (torch.arange(8.0),)
    student.card = {"name": "tiny"}
    path = tmp_path / "tiny.safetensors"
    save_student(path, student)
    loaded = load_student(path)
    assert loaded.spec == TINY
    assert loaded.regularizer == 0.5
    assert loaded.card == {"name": "tiny"}
    assert loaded.num_eigenbasis_params == 32
    assert torch.equal(loaded.channel_means[0], torch.arange(8.0))
    for name, tensor in student.state_dict().items():
        assert torch.equal(loaded.state_dict()[name], tensor)
    assert list(tmp_path.iterdir()) == [path]


def test_files_of_designed_students_round_trip(tmp_path):
    student = create_student(DESIGNED)
    save_student(tmp_path / "s.safetensors", student)
    loaded = load_student(tmp_path / "s.safetensors")
    assert loaded.spec == DESIGNED
    image = torch.rand(1, 3, 16, 24)
    with torch.inference_mode():
        assert torch.equal(loaded.reconstruct(image), student.reconstruct(image))


def test_the_colour_transfer_is_part_of_the_file(tmp_path):
    path = tmp_path / "s.safetensors"
    for strength, version in ((0.25, 2), (0.0, 1)):  # earlier releases read version 1
        save_student(path, create_student(TINY, colour_transfer=strength))
        assert load_student(path).colour_transfer == strength
        header = json.loads(read_safetensors(path)[1]["pcakd"])
        assert header["version"] == version
        assert ("colour_transfer" in header) == (strength > 0.0)


def _spoil(path, change):
    student = create_student(TINY)
    header = {
        "format": "pcakd-student",
        "version": 1,
        "architecture": "tiny",
        "ranks": [4, 6, 8, 10],
        "colour_conv": False,
        "regularizer": 1.0,
        "card": {},
    }
    tensors = dict(student.state_dict())
    change(header, tensors)
    write_safetensors(path, tensors, {"pcakd": json.dumps(header)})


def _design(header, ranks=(4, 6, 8, 10), **change):
    design = {"kind": "inverted", "stride": 2, "expansion": 6.0, "linear": True} | change
    header.update(architecture="designed", ranks=list(ranks), designs=[design] * 4)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda h, t: t["encoder.blocks.0.0.conv.bias"].fill_(float("nan")), "not finite"),
        (lambda h, t: t.pop("encoder.blocks.0.0.conv.bias"), "is absent"),
        (lambda h, t: t.update(extra=torch.zeros(1)), "should be absent"),
        (lambda h, t: h.update(version=3), "format version 3"),
        (lambda h, t: h.update(version=2, colour_transfer=1.5), "header damaged"),
        (lambda h, t: h.update(version=2, colour_transfer="0.5"), "header damaged"),
        (lambda h, t: h.update(version=2, colour_transfer=True), "header damaged"),
        (lambda h, t: h.update(version=2, colour_transfer=0), "header damaged"),
        (lambda h, t: h.update(version=2), "header damaged"),
        (lambda h, t: h.update(colour_transfer=0.5), "version 1 has no colour transfer"),
        (lambda h, t: h.update(format="x"), "not of a student"),
        (lambda h, t: h.update(ranks=[4, 6, 8]), "header damaged"),
        (lambda h, t: h.update(ranks=[10**9, 6, 8, 10]), "header damaged"),
        (lambda h, t: h.update(ranks=[4096] * 4), "should be"),  # 10 GB, if they were made
        (lambda h, t: h.update(ranks="abcd"), "header damaged"),
        (lambda h, t: h.update(regularizer="big"), "header damaged"),
        (lambda h, t: h.update(architecture="resnet"), "header damaged"),
        (lambda h, t: h.update(architecture="designed"), "needs designs of its four blocks"),
        (lambda h, t: h.update(designs=[{"kind": "conv", "stride": 2}] * 4), "takes no designs"),
        (lambda h, t: _design(h, kind="attention"), "a block is one of conv, separable, inverted"),
        (lambda h, t: _design(h, stride=3), "stride must be 1, 2 or 4, got 3"),
        (lambda h, t: _design(h, stride=4), "multiply to over 16"),
        (lambda h, t: _design(h, stride=True), "stride must be"),
        (lambda h, t: _design(h, expansion=1e300), "an expansion must lie in"),
        (lambda h, t: _design(h, expansion=float("nan")), "an expansion must lie in"),
        (lambda h, t: _design(h, linear="no"), "linear must be true or false"),
        (lambda h, t: _design(h, depth=9), "header damaged"),
        (lambda h, t: h.update(architecture="designed", designs=[1, 2, 3, 4]), "header damaged"),
        (lambda h, t: h.update(architecture="designed", designs=7), "header damaged"),
        (lambda h, t: _design(h, ranks=[4096] * 4, expansion=16.0), "should be"),
        (lambda h, t: h.pop("card"), "header damaged"),
    ],
)
def test_spoilt_files_are_refused_in_one_line(tmp_path, change, message):
    path = tmp_path / "bad.safetensors"
    _spoil(path, change)
    with pytest.raises(StudentFileError, match=message) as caught:
        load_student(path)
    assert "\n" not in str(caught.value)
    assert str(path) in str(caught.value)


def test_a_pickle_is_not_opened(tmp_path):
    path = tmp_path / "evil.safetensors"
    path.write_bytes(pickle.dumps({"a": 1}))
    with pytest.raises(StudentFileError, match="cannot be read as safetensors"):
        load_student(path)


def test_unknown_names_and_missing_files():
    with pytest.raises(UnknownNameError, match="student 'vgg' is not known"):
        load_student("vgg")
    with pytest.raises(StudentFileError, match="is not a file"):
        load_student("nowhere/student.safetensors")


def test_a_missing_folder_is_an_error(tmp_path):
    with pytest.raises(OutputError, match="does not exist"):
        save_student(tmp_path / "no" / "s.safetensors", create_student(TINY))


@pytest.mark.parametrize("name", list_students())
def test_shipped_students_carry_a_card(name):
    student = load_student(name)
    assert student.card["num_params"] == student.num_params
    assert student.num_eigenbasis_params == student.card["num_eigenbasis_params"]
    assert not any(p.requires_grad for p in student.parameters())


def test_loaded_students_are_in_eval_mode_frozen_and_on_a_device_of_this_machine():
    student = load_student("mobilenet_v1", device="cpu")
    assert not student.training
    assert not any(parameter.requires_grad for parameter in student.parameters())
    with pytest.raises(ConfigError, match="cuda:77"):
        load_student("mobilenet_v1", device="cuda:77")
