"""Options of ``pcakd stylize``."""

import pytest
import torch
from command_line import one_line
from stylize_command import file_names, run_stylize, stylize_into

from pcakd.images import load_image

pytestmark = pytest.mark.numerics


def test_transforms_strengths_and_the_filter_matter(folder, tmp_path):
    results = {}
    for label, options in {
        "zca": (),
        "ot": ("--transform", "ot"),
        "adain": ("--transform", "adain"),
        "half": ("--strength", "0.5"),
        "filter": ("--guided-filter",),
    }.items():
        output = tmp_path / f"{label}.png"
        assert stylize_into(folder, folder / "photos" / "grey.png", output, *options) == 0
        results[label] = load_image(output)
    names = list(results)
    for i, first in enumerate(names):
        for second in names[i + 1 :]:
            assert not torch.equal(results[first], results[second]), (first, second)


def test_options_may_stand_between_the_names(folder, tmp_path):
    photo, output = folder / "photos" / "grey.png", tmp_path / "out.png"
    student = folder / "tiny.safetensors"
    assert run_stylize(photo, "--student", student, folder / "style.png", "-o", output) == 0
    assert output.exists()


def test_quiet_prints_nothing(folder, tmp_path, capsys):
    assert stylize_into(folder, folder / "photos", tmp_path / "out", "--quiet") == 0
    assert capsys.readouterr() == ("", "")


def test_quality_and_format(folder, tmp_path):
    photo = folder / "photos" / "grey.png"
    for quality in ("20", "95"):
        output = tmp_path / quality
        assert (
            stylize_into(folder, photo, f"{output}/", "--format", "jpg", "--quality", quality) == 0
        )
    sizes = [(tmp_path / quality / "grey.jpg").stat().st_size for quality in ("20", "95")]
    assert sizes[0] < sizes[1]


@pytest.mark.parametrize("precision", ["fp16", "bf16"])
def test_half_precision_is_near(folder, tmp_path, precision):
    photo = folder / "photos" / "turned.jpg"
    assert stylize_into(folder, photo, tmp_path / "a.png") == 0
    assert stylize_into(folder, photo, tmp_path / "b.png", "--precision", precision) == 0
    difference = load_image(tmp_path / "a.png") - load_image(tmp_path / "b.png")
    assert 0.0 < float(difference.abs().mean()) < 0.05


@pytest.mark.parametrize("place", ["content", "style", "output", "--style"])
def test_an_empty_argument_is_one_line(folder, tmp_path, capsys, monkeypatch, place):
    monkeypatch.chdir(tmp_path)
    names = {"content": folder / "style.png", "style": folder / "style.png", "output": "a.png"}
    names |= {place: ""}
    arguments = [names["content"], names["style"], "-o", names["output"]]
    arguments += ["--style", ""] if place == "--style" else []
    with pytest.raises(SystemExit, match="2"):
        run_stylize(*arguments)
    one_line(capsys, "is empty")
    assert file_names(tmp_path) == []


def test_a_single_name_without_a_style_is_one_line(folder, tmp_path, capsys):
    assert run_stylize(folder / "style.png", "-o", tmp_path / "a.png") == 2
    one_line(capsys, "style.png is the only photograph", "--style")


@pytest.mark.parametrize(
    "options", [("--quality", "0"), ("--quality", "101"), ("--strength", "nan")]
)
def test_options_out_of_range_are_one_line(folder, tmp_path, capsys, options):
    assert stylize_into(folder, folder / "style.png", tmp_path / "a.jpg", *options) == 2
    one_line(capsys, options[0], "must lie in")


def test_the_old_seed_is_accepted_with_a_warning(folder, tmp_path, capsys):
    assert stylize_into(folder, folder / "style.png", tmp_path / "a.png", "--seed", "3") == 0
    assert "warning: --seed has no effect" in capsys.readouterr().err
