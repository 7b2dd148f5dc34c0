"""Subjects of other packages: what a model may be, and what is refused."""

import sys

import pytest
import torch

from bench.plan import factories as names
from bench.subjects import parse_subject
from pcakd.errors import ConfigError, UnknownNameError

MODELS = """
import torch
from torch import nn

class Module(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 3, 1, bias=False)
        nn.init.dirac_(self.conv.weight)
    def forward(self, content, style):
        return self.conv(content) * 0.5 + 0.5 * style.mean((-2, -1), keepdim=True)

class Chooses:
    transforms = ("adain", "mine")
    num_params = 7
    def __call__(self, content, style, transform):
        return content if transform == "adain" else 1 - content

def function():
    return lambda content, style: content + 2

class Untraced:
    trace = None
    def __call__(self, content, style):
        raise RuntimeError("not for counting")

def number():
    return 3

def broken():
    raise OSError("no weights")

def smaller():
    return lambda content, style: content[..., :-1]
"""


@pytest.fixture
def models(tmp_path, monkeypatch):
    (tmp_path / "made_models.py").write_text(MODELS, encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    yield
    sys.modules.pop("made_models", None)


def make_images():
    generator = torch.Generator().manual_seed(0)
    return torch.rand(1, 3, 20, 24, generator=generator), torch.rand(
        1, 3, 16, 18, generator=generator
    )


@pytest.mark.usefixtures("models")
def test_a_module_has_parameters_a_hash_and_half_precision():
    subject = parse_subject("python:made_models:Module")
    content, style = make_images()
    assert (subject.num_params, subject.transforms, subject.has_quality) == (9, ("none",), True)
    output = subject.prepare()(content, style)
    expected = content * 0.5 + 0.5 * style.mean((-2, -1), keepdim=True)
    torch.testing.assert_close(output, expected)
    half = parse_subject("python:made_models:Module+bf16")
    assert half.name == "python:made_models:Module+bf16"
    torch.testing.assert_close(half.prepare()(content, style), expected, atol=0.02, rtol=0.02)
    assert len(subject.hash) == 64


@pytest.mark.usefixtures("models")
def test_multiply_adds_of_a_module_are_counted():
    from bench.profiling.macs import count_macs

    (count,) = count_macs(parse_subject("python:made_models:Module").prepare(), [(96, 160)])
    assert count.macs_content == 9 * 96 * 160
    assert count.macs_total > count.macs_content  # and means
    (count,) = count_macs(parse_subject("python:made_models:Untraced").prepare(), [(96, 160)])
    assert count.macs_total == 0


@pytest.mark.usefixtures("models")
def test_a_model_can_have_transforms():
    content, style = make_images()
    subject = parse_subject("python:made_models:Chooses")
    assert (subject.transforms, subject.num_params) == (("adain", "mine"), 7)
    chosen = parse_subject("python:made_models:Chooses@mine").prepare()
    torch.testing.assert_close(chosen(content, style), 1 - content)
    with pytest.raises(ConfigError, match="has no transform 'zca'; it has adain, mine"):
        parse_subject("python:made_models:Chooses@zca")


@pytest.mark.usefixtures("models")
def test_any_callable_is_a_model_and_its_output_is_clipped():
    content, style = make_images()
    output = parse_subject("python:made_models:function").prepare()(content, style)
    assert torch.equal(output, torch.ones_like(content))


@pytest.mark.usefixtures("models")
@pytest.mark.parametrize(
    ("name", "error", "message"),
    [
        ("python:absent_module:create", UnknownNameError, "absent_module cannot be imported"),
        ("python:made_models:absent", UnknownNameError, "made_models has no function 'absent'"),
        ("python:made_models", ConfigError, "write python:package.module:factory"),
        ("python:made_models:number", ConfigError, "the factory returned int"),
        ("python:made_models:broken", ConfigError, "its factory failed: OSError: no weights"),
        ("python:made_models:function+fp16", ConfigError, r"only a torch.nn.Module has \+fp16"),
        ("python:made_models:function@zca", ConfigError, "has no transforms; drop @zca"),
    ],
)
def test_other_names_are_one_line(name, error, message):
    with pytest.raises(error, match=message) as caught:
        parse_subject(name)
    assert "\n" not in str(caught.value)


@pytest.mark.usefixtures("models")
def test_an_output_of_another_size_is_refused():
    prepared = parse_subject("python:made_models:smaller").prepare()
    with pytest.raises(ConfigError, match=r"returned \(3, 20, 23\) for a content of shape"):
        prepared(*make_images())


def test_entry_points_are_listed_without_an_import(tmp_path, monkeypatch):
    info = tmp_path / "plugin-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: plugin\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[bench.subjects]\nmine = made_plugin:Module\n")
    (tmp_path / "made_plugin.py").write_text(MODELS, encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    assert "mine" in names.list_entry_points()
    assert names.find_factory("mine") == "made_plugin:Module"
    assert "made_plugin" not in sys.modules
    assert parse_subject("mine").num_params == 9
    with pytest.raises(UnknownNameError, match="did you mean 'mine'"):
        parse_subject("mime")
    sys.modules.pop("made_plugin")


def test_commands_say_what_they_import(capsys):
    names.announce_imports(["vgg16", "python:toy.models:create@ot", "python:toy.models:create"])
    said = capsys.readouterr().err
    assert said == "importing toy.models for subject python:toy.models:create\n"
