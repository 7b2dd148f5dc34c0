"""What the public functions take as images, and what they answer to anything else."""

import numpy as np
import pytest
import torch
from PIL import Image

from pcakd.errors import ShapeError
from pcakd.inputs import prepare_input
from pcakd.pipeline import stylize
from pcakd.students import StudentSpec, create_student


@pytest.fixture(scope="module")
def student():
    spec = StudentSpec(architecture="tiny", ranks=(4, 6, 8, 10))
    return create_student(spec).eval().requires_grad_(False)


@pytest.fixture(scope="module")
def levels():
    return np.random.default_rng(0).integers(0, 256, (20, 24, 3), dtype=np.uint8)


def _tensor(levels):
    return torch.from_numpy(levels.astype(np.float32) / 255.0).permute(2, 0, 1).contiguous()


def test_images_of_all_kinds_are_one_image(student, levels):
    expected = _tensor(levels)
    planes = torch.from_numpy(levels).permute(2, 0, 1)
    given = [
        Image.fromarray(levels),
        Image.fromarray(levels).convert("RGBA"),
        levels,
        levels / 255.0,
        (levels / 255.0).astype(np.float32),
        (levels / 255.0).astype(">f8"),
        np.asfortranarray(levels),
        levels[::-1][::-1],
        planes,
        planes.contiguous(),
    ]
    for image in given:
        found = prepare_input("content", image, student)
        torch.testing.assert_close(found, expected, rtol=0.0, atol=1e-7)
        assert found.dtype == torch.float32
    result = stylize(student, given[0], given[2])
    assert torch.equal(result, stylize(student, expected, expected))


def test_read_only_arrays_are_copied_without_a_warning(student, levels):
    levels = levels.copy()
    levels.flags.writeable = False
    prepare_input("content", levels, student)
    floats = np.ascontiguousarray((levels / 255.0).transpose(2, 0, 1)).transpose(1, 2, 0)
    found = prepare_input("content", floats.astype(np.float32, copy=False), student)
    before = found.clone()
    floats[:] = 0.0
    assert torch.equal(found, before)


def test_grey_palette_and_transparent_pictures_become_rgb(student, levels):
    grey = Image.fromarray(levels).convert("L")
    found = prepare_input("content", grey, student)
    assert torch.equal(found[0], found[2])
    clear = Image.new("RGBA", (20, 20), (255, 0, 0, 0))
    assert float(prepare_input("content", clear, student).min()) == 1.0
    assert prepare_input("content", grey.convert("P"), student).shape == (3, 20, 24)


def test_batches_of_uint8_are_converted(student, levels):
    batch = torch.from_numpy(levels).permute(2, 0, 1).expand(2, -1, -1, -1)
    assert prepare_input("content", batch, student).shape == (2, 3, 20, 24)
    narrow = create_student(student.spec).half()
    assert prepare_input("content", batch, narrow).dtype == torch.float16


def test_float_tensors_are_not_copied(student, levels):
    image = _tensor(levels)
    assert prepare_input("content", image, student) is image
    slightly_out = image.clone()
    slightly_out[0, 0, 0], slightly_out[0, 0, 1] = 1.01, -0.01
    assert prepare_input("content", slightly_out, student) is slightly_out


def _case(name, change, *messages):
    return pytest.param(change, messages, id=name)


@pytest.mark.parametrize(
    ("change", "messages"),
    [
        _case("0 to 255", lambda t: 255.0 * t, "lies in [0, 255]", "[0, 1]", "divide by 255"),
        _case("negative", lambda t: t - 0.5, "lies in [-0.5, 0.5]", "expected values in [0, 1]"),
        _case("NaN", lambda t: t.clone().fill_(torch.nan), "holds NaN"),
        _case("one NaN", lambda t: t.index_fill(1, torch.tensor([3]), torch.nan), "holds NaN"),
        _case("infinite", lambda t: t / 0.0, "[0, 1]"),
        _case("float64", lambda t: t.double(), "is float64 and the student float32"),
        _case("half", lambda t: t.half(), "is float16 and the student float32"),
        _case("int64", lambda t: t.long(), "is int64", "uint8 in 0 to 255"),
        _case("bool", lambda t: t > 0.5, "is bool"),
        _case("complex", lambda t: t.to(torch.complex64), "is complex64"),
        _case(
            "h w 3", lambda t: t.permute(1, 2, 0), "(20, 24, 3)", "(3, h, w)", "permute(2, 0, 1)"
        ),
        _case("b h w 3", lambda t: t.permute(1, 2, 0)[None], "(1, 20, 24, 3)", "(b, 3, h, w)"),
        _case("grey", lambda t: t[:1], "(1, 20, 24)"),
        _case("h w", lambda t: t[0], "(20, 24)"),
        _case("scalar", lambda t: t[0, 0, 0], "shape ()"),
        _case("five axes", lambda t: t[None, None], "(1, 1, 3, 20, 24)"),
        _case("empty", lambda t: t[None][:0], "(0, 3, 20, 24)"),
        _case("small", lambda t: t[:, :15], "24 × 15", "at least 16 × 16"),
        _case("another device", lambda t: t.to("meta"), "is on meta", "the student on cpu"),
        _case("array h w", lambda t: t[0].numpy(), "(20, 24)", "expected (h, w, 3)"),
        _case("array planes", lambda t: t.numpy(), "(3, 20, 24)", "expected (h, w, 3)"),
        _case("int array", lambda t: np.zeros((20, 24, 3), int), "array of int64"),
        _case("loud array", lambda t: np.full((20, 24, 3), 200.0), "divide by 255"),
        _case("path", lambda t: "day.jpg", "is a str", "pcakd.load_image"),
        _case("none", lambda t: None, "is a NoneType"),
        _case("32-bit picture", lambda t: Image.new("F", (20, 20)), "cannot be converted"),
    ],
)
@pytest.mark.parametrize("name", ["content", "style"])
def test_other_inputs_are_one_line_that_says_what_is_expected(
    student, levels, change, messages, name
):
    good = _tensor(levels)
    images = {"content": good, "style": good} | {name: change(good)}
    with pytest.raises(ShapeError) as caught:
        stylize(student, **images)
    text = str(caught.value)
    assert name in text
    assert "\n" not in text
    for message in messages:
        assert message in text


def test_a_list_of_images_is_no_style(student, levels):
    image = _tensor(levels)
    with pytest.raises(ShapeError, match="expected an image"):
        stylize(student, image, [image, image])
