import numpy as np
import pytest
import torch
from command_line import one_line
from PIL import Image

from pcakd.cli import main
from pcakd.images import load_image
from pcakd.luts import apply_lut, read_cube
from pcakd.pipeline import stylize
from pcakd.students import load_student


@pytest.fixture
def pictures(tmp_path):
    rng = np.random.default_rng(0)
    for name in ("one", "two", "style"):
        coarse = Image.fromarray(rng.integers(0, 256, (6, 8, 3), dtype=np.uint8))
        coarse.resize((80, 60), Image.Resampling.BICUBIC).save(tmp_path / f"{name}.png")
    return [str(tmp_path / f"{name}.png") for name in ("one", "two", "style")]


def _run(pictures, output, *options):
    given = ["-o", str(output), "--student", "mobilenet_v1", "--device", "cpu"]
    return main(["lut", *pictures, *given, *options])


def test_a_table_is_nearer_to_the_student_than_the_photograph_is(pictures, tmp_path, capsys):
    assert _run(pictures, tmp_path / "a.cube", "--size", "9") == 0
    assert "mean error" in capsys.readouterr().out
    lut, student = read_cube(tmp_path / "a.cube"), load_student("mobilenet_v1")
    assert lut.size == 9
    content, style = load_image(pictures[0]), load_image(pictures[-1])
    with torch.inference_mode():
        result = stylize(student, content, style)
    after, before = (
        float((image - result).abs().mean()) for image in (apply_lut(lut, content), content)
    )
    assert after < 0.8 * before


@pytest.mark.parametrize(
    ("names", "options", "message"),
    [
        (1, (), "give one content or more, then the style"),
        (3, ("--size", "1"), "size must be 2 to 65"),
        (3, ("--smoothness", "0"), "smoothness must be positive"),
        (3, ("--strength", "2"), "strength must be a number in [0, 1]"),
    ],
)
def test_bad_input_is_one_line_and_writes_nothing(
    pictures, tmp_path, capsys, names, options, message
):
    assert _run(pictures[-names:], tmp_path / "a.cube", *options) == 2
    assert message in capsys.readouterr().err.splitlines()[-1]
    assert not (tmp_path / "a.cube").exists()


def test_other_outputs_are_refused_before_any_work(pictures, tmp_path, capsys):
    assert _run(pictures, tmp_path / "a.txt") == 2
    one_line(capsys, "must end in .cube")
    assert _run(pictures, tmp_path / "none/a.cube") == 2
    one_line(capsys, "does not exist")
