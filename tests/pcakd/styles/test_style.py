"""Styles: what they give, their files, checks."""

import json

import pytest
import torch

from pcakd.blocks import Autoencoder
from pcakd.errors import ConfigError, OutputError, ShapeError, StyleFileError
from pcakd.linalg import Statistics
from pcakd.pipeline import stylize
from pcakd.students import StudentSpec, create_student, save_student
from pcakd.styles import Style, extract_style, load_style, mix_styles
from pcakd.styles.identity import identify
from pcakd.utils.files import read_safetensors, write_safetensors

SPEC = StudentSpec(architecture="tiny", ranks=(4, 6, 8, 10))


def _image(height, width, seed=0):
    return torch.rand(3, height, width, generator=torch.Generator().manual_seed(seed))


@pytest.fixture(scope="module")
def student():
    return create_student(SPEC).eval().requires_grad_(False)


@pytest.fixture(scope="module")
def styles(student):
    return [extract_style(student, _image(24, 40, seed)) for seed in range(3)]


def _same(one, other):
    return all(
        torch.equal(a.mean, b.mean) and torch.equal(a.covariance, b.covariance)
        for a, b in zip(one.taps, other.taps, strict=True)
    )


def test_a_style_gives_what_its_photograph_gives(student, styles, tmp_path):
    content, style = _image(20, 33, 7), _image(24, 40)
    expected = stylize(student, content, style)
    assert torch.equal(stylize(student, content, styles[0]), expected)
    styles[0].save(tmp_path / "s.safetensors")
    loaded = load_style(tmp_path / "s.safetensors")
    assert _same(loaded, styles[0])
    assert loaded.student == styles[0].student
    assert torch.equal(student(content, loaded), expected)
    assert list(tmp_path.iterdir()) == [tmp_path / "s.safetensors"]


def test_a_student_with_a_colour_transfer_has_styles_with_colours(styles, tmp_path):
    student = create_student(SPEC, colour_transfer=0.5).eval().requires_grad_(False)
    content, photographs = _image(20, 33, 7), [0.5 * _image(16, 32, 1), _image(16, 48, 2) ** 2]
    style = extract_style(student, photographs)
    pixels = torch.cat([each.flatten(1) for each in photographs], dim=1)
    assert style.colours is not None
    torch.testing.assert_close(style.colours.mean.float(), pixels.mean(dim=1))
    torch.testing.assert_close(style.colours.covariance.float(), torch.cov(pixels, correction=0))
    path = tmp_path / "s.safetensors"
    style.save(path)
    loaded = load_style(path)
    assert _same(loaded, style)
    assert torch.equal(loaded.colours.covariance, style.colours.covariance)
    assert json.loads(read_safetensors(path)[1]["pcakd"])["version"] == 2
    assert torch.equal(student(content, loaded), student(content, style))
    mixed = mix_styles([extract_style(student, each) for each in photographs], [1, 1])
    assert mixed.colours is not None
    for other in (styles[0], loaded):  # the weights are the same, the students are not
        user = student if other is styles[0] else create_student(SPEC).eval().requires_grad_(False)
        with pytest.raises(ConfigError, match="was made by student"):
            user(content, other)


def _drop_colours(header, tensors):
    header["version"] = 1
    del tensors["mean.colours"], tensors["covariance.colours"]


def _more_colours(header, tensors):
    tensors["mean.colours"] = torch.zeros(5).double()
    tensors["covariance.colours"] = torch.eye(5).double()


def test_styles_with_missing_or_wrong_colours_are_refused(tmp_path):
    student = create_student(SPEC, colour_transfer=0.5).eval().requires_grad_(False)
    style = extract_style(student, _image(24, 40, 1))
    path = tmp_path / "s.safetensors"
    _spoil(style, path, _more_colours)
    with pytest.raises(StyleFileError, match="a style has 3 colours, got 5"):
        load_style(path)
    _spoil(style, path, _drop_colours)
    with pytest.raises(ConfigError, match="was made by student"):
        student(_image(20, 33, 7), load_style(path))
    with pytest.raises(ConfigError, match="cannot mix"):
        mix_styles([style, load_style(path)], [1, 1])


def test_a_style_without_colours_has_the_format_of_earlier_releases(styles, tmp_path):
    styles[0].save(tmp_path / "s.safetensors")
    assert json.loads(read_safetensors(tmp_path / "s.safetensors")[1]["pcakd"])["version"] == 1


def test_a_student_has_the_same_name_in_memory_and_from_a_file(styles, tmp_path):
    styles[0].save(tmp_path / "s.safetensors")
    made, loaded = styles[0].student, load_style(tmp_path / "s.safetensors").student
    assert str(loaded) == str(made)
    assert made.hashes["float32"][:8] in str(made)


def test_several_photographs_are_pooled(student):
    """Halves of an image, cut where no convolution sees the cut, make the image."""
    image = torch.full((3, 32, 64), 0.25)
    image[:, :, 32:] = 0.75
    whole = extract_style(student, [image[..., :32], image[..., 32:]])
    batch = extract_style(student, torch.stack((image[..., :32], image[..., 32:])))
    assert _same(whole, batch)
    parts = [extract_style(student, half) for half in (image[..., :32], image[..., 32:])]
    for pooled, one, other in zip(whole.taps, *(part.taps for part in parts), strict=True):
        torch.testing.assert_close(pooled.mean, 0.5 * (one.mean + other.mean))
        difference = 0.5 * (one.mean - other.mean)  # flat images: means alone make the covariance
        torch.testing.assert_close(
            pooled.covariance, torch.outer(difference, difference), rtol=1e-5, atol=1e-9
        )


def test_larger_photographs_count_more(student):
    small, large = _image(16, 16), _image(64, 64, 1)
    pooled = extract_style(student, [small, large])
    one, other = extract_style(student, small), extract_style(student, large)
    torch.testing.assert_close(
        pooled.taps[0].mean, (one.taps[0].mean + 16 * other.taps[0].mean) / 17
    )


def test_weights_mix_photographs_as_styles_are_mixed(student, styles):
    images = [_image(24, 40, seed) for seed in range(3)]
    found = extract_style(student, images, weights=[7, 3, 0])
    assert _same(found, mix_styles(styles[:2], [0.7, 0.3]))
    assert _same(extract_style(student, iter(images), weights=[0, 0, 2]), styles[2])


@pytest.mark.parametrize("weights", [[1.0, 0.0, 0.0], [1e300, 0.0, 0.0], [5e-324, 0.0, 0.0]])
def test_a_weight_alone_gives_its_style_back(styles, weights):
    assert mix_styles(styles, weights) is styles[0]


def test_equal_styles_mix_to_themselves(styles):
    mixed = mix_styles([styles[0], styles[0]], [0.2, 0.8])
    for found, expected in zip(mixed.taps, styles[0].taps, strict=True):
        # roots lose half of float64's digits where eigenvalues are near 0: √2e-16 = 1.5e-8
        scale = float(expected.covariance.abs().max())
        torch.testing.assert_close(found.covariance, expected.covariance, rtol=0, atol=1e-6 * scale)


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        ([0.5], "one weight for each of 3"),
        ([0.5, -0.1, 0.2], "not negative"),
        ([0.5, float("nan"), 0.2], "finite"),
        ([0.5, float("inf"), 0.2], "finite"),
        ([0.0, 0.0, 0.0], "all weights are 0"),
        (["a", 1, 1], "must be numbers"),
        (0.5, "must be numbers"),
    ],
)
def test_weights_are_checked(styles, weights, message):
    with pytest.raises(ConfigError, match=message):
        mix_styles(styles, weights)


def test_styles_belong_to_a_student(student, styles):
    other = create_student(SPEC, seed=1).eval().requires_grad_(False)
    for call in (
        lambda: stylize(other, _image(20, 20), styles[0]),
        lambda: mix_styles([styles[0], extract_style(other, _image(20, 20))], [1, 1]),
    ):
        with pytest.raises(ConfigError, match=r"student 'tiny of ranks 4, 6, 8, 10'") as caught:
            call()
        assert "\n" not in str(caught.value)
        for each in (identify(student), identify(other)):
            assert next(iter(each.hashes.values()))[:8] in str(caught.value)


def test_other_widths_are_refused_even_if_the_hash_agrees(student, styles):
    one = Statistics(mean=torch.zeros(2).double(), covariance=torch.eye(2).double())
    forged = Style(taps=(one,) * 4, student=styles[0].student)
    with pytest.raises(ConfigError, match="was made by"):
        stylize(student, _image(20, 20), forged)
    with pytest.raises(ConfigError, match="cannot mix"):
        mix_styles([styles[0], forged], [1, 1])


def test_the_name_is_that_of_the_card():
    student = create_student(SPEC)
    student.card = {"name": "mine"}
    assert identify(student).name == "mine"
    network = Autoencoder((), (), stride=1, regularizer=1.0)
    network.weight = torch.nn.Parameter(torch.zeros(1))
    assert identify(network).name == "Autoencoder"


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
def test_precision_makes_no_other_student(styles, dtype):
    narrow = create_student(SPEC).to(dtype).eval().requires_grad_(False)
    result = stylize(narrow, _image(20, 20).to(dtype), styles[0])
    assert result.dtype == dtype
    own = extract_style(narrow, _image(24, 40).to(dtype))
    assert own.student.agrees_with(styles[0].student)
    mix_styles([own, styles[1]], [1, 1])
    stylize(create_student(SPEC).eval(), _image(20, 20), own)
    other = create_student(SPEC, seed=1).to(dtype).eval()
    with pytest.raises(ConfigError, match="was made by"):
        stylize(other, _image(20, 20).to(dtype), styles[0])


def test_a_training_step_makes_another_student(styles):
    student = create_student(SPEC).eval()
    with torch.no_grad():
        student.decoder.layers(1)[0].conv.weight[0, 0, 0, 0] += 1e-6
    with pytest.raises(ConfigError, match="was made by"):
        stylize(student, _image(20, 20), styles[0])


def test_images_of_styles_are_checked(student):
    with pytest.raises(ShapeError, match="no style image"):
        extract_style(student, [])
    with pytest.raises(ShapeError, match="at least 16 × 16"):
        extract_style(student, _image(8, 20))
    with pytest.raises(ShapeError, match="divide by 255"):
        extract_style(student, [_image(20, 20), 255.0 * _image(20, 20)])
    with pytest.raises(ShapeError, match="style is a str"):
        extract_style(student, ["dusk.jpg"])


def test_a_style_needs_four_matching_taps(styles):
    taps = styles[0].taps
    with pytest.raises(ShapeError, match="needs means"):
        Style(taps=taps[:3], student=styles[0].student)
    odd = Statistics(mean=taps[0].mean, covariance=taps[1].covariance)
    with pytest.raises(ShapeError, match="needs means"):
        Style(taps=(odd, *taps[1:]), student=styles[0].student)


def _spoil(style, path, change):
    style.save(path)
    tensors, metadata = read_safetensors(path)
    header = json.loads(metadata["pcakd"])
    change(header, tensors)
    write_safetensors(path, tensors, {"pcakd": json.dumps(header)})


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda h, t: t.pop("mean.2"), "of four taps"),
        (lambda h, t: t.update(extra=torch.zeros(1)), "of four taps"),
        (lambda h, t: t.update({"mean.1": torch.zeros(4)}), "not float64"),
        (lambda h, t: t.update({"mean.1": torch.zeros(5).double()}), r"tap 1 has a mean \(5,\)"),
        (lambda h, t: t.update({"mean.1": torch.zeros(0).double()}), "tap 1 has a mean"),
        (lambda h, t: t["mean.1"].fill_(float("nan")), "not finite"),
        (lambda h, t: t["covariance.3"][0].add_(1.0), "tap 3 holds no covariance"),
        (lambda h, t: t["covariance.3"].neg_(), "tap 3 holds no covariance"),
        (lambda h, t: h.update(version=2), "of four taps and of colours"),
        (lambda h, t: h.update(version=3), "format version 3"),
        (lambda h, t: h.update(format="pcakd-student"), "not of a style"),
        (lambda h, t: h.pop("student"), "does not name a student"),
        (lambda h, t: h.update(student={"name": 3, "hashes": {"float32": "0"}}), "does not name"),
        (lambda h, t: h["student"].update(hashes={}), "does not name a student"),
        (lambda h, t: h["student"].update(hashes=["ab", "c"]), "does not name a student"),
        (lambda h, t: h["student"].update(name="x" * 1000), "does not name a student"),
        (lambda h, t: h["student"].update(name="two\nlines"), "does not name a student"),
    ],
)
def test_damaged_files_are_refused_in_one_line(styles, tmp_path, change, message):
    path = tmp_path / "bad.safetensors"
    _spoil(styles[0], path, change)
    with pytest.raises(StyleFileError, match=message) as caught:
        load_style(path)
    assert "\n" not in str(caught.value)
    assert str(path) in str(caught.value)


def test_files_that_are_no_styles(student, tmp_path):
    path = tmp_path / "s.safetensors"
    with pytest.raises(StyleFileError, match="is not a file"):
        load_style(path)
    path.write_bytes(b"no safetensors")
    with pytest.raises(StyleFileError, match="cannot be read as safetensors"):
        load_style(path)
    save_student(path, student)
    with pytest.raises(StyleFileError, match="not of a style"):
        load_style(path)
    with path.open("wb") as stream:
        stream.truncate(65 << 20)
    with pytest.raises(StyleFileError, match="larger than 64 MiB"):
        load_style(path)


def test_styles_of_shipped_students_take_tens_of_kilobytes(tmp_path):
    from pcakd.students import load_student

    path = tmp_path / "s.safetensors"
    extract_style(load_student("vgg16"), _image(32, 32)).save(path)
    assert path.stat().st_size < 100_000
    with pytest.raises(OutputError, match="does not exist"):
        load_style(path).save(tmp_path / "no" / "s.safetensors")
