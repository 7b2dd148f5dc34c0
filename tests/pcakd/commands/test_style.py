"""``pcakd style``: extracts and mixes styles."""

import pytest
import torch
from PIL import Image

from pcakd.cli import main
from pcakd.pipeline import stylize
from pcakd.students import StudentSpec, create_student, save_student
from pcakd.styles import extract_style, load_style

SPEC = StudentSpec(architecture="tiny", ranks=(4, 6, 8, 10))


def _image(height, width, seed=0):
    return torch.rand(3, height, width, generator=torch.Generator().manual_seed(seed))


@pytest.fixture(scope="module")
def student():
    return create_student(SPEC).eval().requires_grad_(False)


def _same(one, other):
    return all(
        torch.equal(a.mean, b.mean) and torch.equal(a.covariance, b.covariance)
        for a, b in zip(one.taps, other.taps, strict=True)
    )


@pytest.fixture
def folder(tmp_path, student):
    save_student(tmp_path / "student.safetensors", student)
    for index in range(2):
        pixels = (255 * _image(20, 24, index)).byte().permute(1, 2, 0).numpy()
        Image.fromarray(pixels).save(tmp_path / f"{index}.png")
    return tmp_path


def test_the_command_extracts_and_mixes(folder, student, capsys):
    photographs = [str(folder / f"{index}.png") for index in range(2)]
    options = ["--student", str(folder / "student.safetensors"), "--device", "cpu"]
    outputs = [str(folder / f"{name}.safetensors") for name in ("a", "b", "both", "mix")]
    for photograph, output in zip(photographs, outputs, strict=False):
        assert main(["style", "extract", photograph, "-o", output, *options]) == 0
    weights = ["--weights", "0.7,0.3"]
    assert main(["style", "extract", *photographs, "-o", outputs[2], *weights, *options]) == 0
    parts = [f"{outputs[0]}=0.7", f"{outputs[1]}=0.3"]
    assert f"wrote {outputs[2]}\n" in capsys.readouterr().err
    assert main(["style", "mix", *parts, "-o", outputs[3]]) == 0
    assert capsys.readouterr().err == f"wrote {outputs[3]}\n"
    assert main(["style", "mix", *parts, "-o", outputs[3], "--quiet"]) == 0
    assert capsys.readouterr().err == ""
    assert _same(load_style(outputs[2]), load_style(outputs[3]))
    assert stylize(student, _image(20, 20), load_style(outputs[3])).shape == (3, 20, 20)
    assert main(["style", "extract", *photographs, "-o", outputs[0], *options]) == 0


def test_the_command_does_not_replace_an_input(folder, student, capsys):
    path, link = folder / "a.safetensors", folder / "link.safetensors"
    extract_style(student, _image(20, 20)).save(path)
    link.symlink_to(path)
    before = path.read_bytes()
    for output in (path, link):
        assert main(["style", "mix", f"{path}=1", "-o", str(output)]) == 2
        error = capsys.readouterr().err
        assert error == f"pcakd: error: {output} is one of the inputs; choose another output\n"
    assert path.read_bytes() == before


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["extract", "0.png", "-o", "s.png"], "must end in .safetensors"),
        (["extract", "0.png", "-o", "no/s.safetensors"], "does not exist"),
        (["extract", "0.png", "-o", "s.safetensors", "--weights", "1,2"], "2 numbers for 1"),
        (
            ["extract", "0.png", "-o", "s.safetensors", "--weights", "x"],
            "--weights must be numbers",
        ),
        (["extract", "0.png", "-o", "s.safetensors", "--weights", "-1"], "not negative"),
        (["extract", "9.png", "-o", "s.safetensors"], "9.png"),
        (["extract", "0.png", "-o", "s.safetensors", "--student", "vgg"], "'vgg' is not known"),
        (["mix", "a.safetensors", "-o", "s.safetensors"], "is not STYLE=WEIGHT"),
        (["mix", "a.safetensors=", "-o", "s.safetensors"], "is not STYLE=WEIGHT"),
        (["mix", "a.safetensors=x", "-o", "s.safetensors"], "the weight must be numbers"),
        (["mix", "a.safetensors=1", "-o", "s.safetensors"], "a.safetensors is not a file"),
        (["mix", "student.safetensors=1", "-o", "s.safetensors"], "not of a style"),
        (["mix"], "required"),
        ([], "required"),
    ],
)
def test_bad_input_of_the_command_is_one_line(folder, monkeypatch, capsys, arguments, message):
    monkeypatch.chdir(folder)
    before = sorted(folder.iterdir())
    try:
        status = main(["style", *arguments])
    except SystemExit as stop:
        status = stop.code
    assert status == 2
    error = capsys.readouterr().err
    assert message in error
    assert error.count("\n") == 1
    assert sorted(folder.iterdir()) == before
