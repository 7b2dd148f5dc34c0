"""The public names, what importing them costs, and the example of the documentation."""

import importlib
import inspect
import os
import subprocess
import sys
import tomllib
from importlib.resources import files
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

import pcakd

ROOT = Path(__file__).parents[2]
NAMES = {
    "AutoencoderWeights", "DistillConfig", "Eigenbasis", "PcakdError", "Recipe", "Schedule",
    "Student", "Style", "StylizationWeights", "__version__", "distill", "extract_style",
    "fit_eigenbases", "list_backbones", "list_students", "load_backbone", "load_card",
    "load_image", "load_student", "load_style", "mix_styles", "save_image", "stylize",
}  # fmt: skip
HEAVY = ("torch", "numpy", "PIL", "safetensors", "tqdm", "jaxtyping", "pcakd.pipeline")
PARAMETERS = {
    "extract_style": "student images weights",
    "load_card": "name_or_path",
    "load_image": "path",
    "load_student": "name_or_path *device",
    "load_style": "path *device",
    "mix_styles": "styles weights",
    "stylize": "student content style *transform *strength *on_step",
}


def test_the_public_names_are_these():
    assert set(pcakd.__all__) == NAMES
    assert set(dir(pcakd)) == NAMES
    for name in NAMES:
        assert getattr(pcakd, name) is getattr(pcakd, name)
    with pytest.raises(AttributeError, match="no attribute 'stilize'"):
        pcakd.stilize  # noqa: B018


def test_public_functions_are_those_of_their_modules():
    """No module has the name of a function, which importing it would replace."""
    for name in NAMES - {"__version__"}:
        value = getattr(pcakd, name)
        assert getattr(importlib.import_module(value.__module__), name) is value
        assert not (ROOT / "pcakd" / f"{name}.py").exists()
        assert not (ROOT / "pcakd" / name).exists()
        assert inspect.getdoc(value)


@pytest.mark.parametrize("name", PARAMETERS)
def test_public_functions_take_these_parameters(name):
    parameters = inspect.signature(getattr(pcakd, name)).parameters.values()
    found = [f"{'*' * (p.kind is p.KEYWORD_ONLY)}{p.name}" for p in parameters]
    assert " ".join(found) == PARAMETERS[name]


def test_importing_the_package_imports_nothing_heavy():
    code = f"import sys, pcakd; dir(pcakd); print([m for m in {HEAVY} if m in sys.modules])"
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, check=True, capture_output=True, text=True
    )
    assert done.stdout.strip() == "[]"


def test_the_package_is_typed_and_has_the_version_of_its_metadata():
    assert files("pcakd").joinpath("py.typed").is_file()
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    assert project["tool"]["hatch"]["version"]["path"] == "pcakd/__init__.py"
    assert pcakd.__version__ == "0.2.0"


@pytest.fixture
def photographs(tmp_path):
    rng = np.random.default_rng(0)
    paths = [tmp_path / f"{name}.png" for name in ("day", "dusk1", "dusk2")]
    for path in paths:
        Image.fromarray(rng.integers(0, 256, (40, 56, 3), dtype=np.uint8)).save(path)
    return paths


@pytest.mark.parametrize("name", pcakd.list_students())
def test_the_documented_example_runs(name, photographs, tmp_path):
    student = pcakd.load_student(name, device="cpu")
    assert isinstance(student, torch.nn.Module)
    assert not student.training
    assert not any(parameter.requires_grad for parameter in student.parameters())
    content, dusk1, dusk2 = map(pcakd.load_image, photographs)
    result = student(content, dusk1)
    assert torch.equal(result, pcakd.stylize(student, content, dusk1))
    weaker = pcakd.stylize(student, content, dusk1, transform="zca", strength=0.7)
    assert torch.equal(student(content, dusk1, transform="zca", strength=0.7), weaker)
    assert not torch.equal(result, weaker)

    look = pcakd.extract_style(student, [dusk1, dusk2], weights=[0.7, 0.3])
    look.save(tmp_path / "dusk.safetensors")
    loaded = pcakd.load_style(tmp_path / "dusk.safetensors")
    assert isinstance(loaded, pcakd.Style)
    assert torch.equal(student(content, loaded), student(content, look))
    single = pcakd.mix_styles([pcakd.extract_style(student, dusk1), look], [1.0, 0.0])
    assert torch.equal(student(content, single), result)
    pcakd.save_image(tmp_path / "out.png", result)
    assert pcakd.load_image(tmp_path / "out.png").shape == content.shape


def test_a_path_loads_a_student_and_its_card(tmp_path):
    from pcakd.students import save_student

    student = pcakd.load_student("mobilenet_v1")
    save_student(tmp_path / "mine.safetensors", student)
    assert isinstance(pcakd.load_student(tmp_path / "mine.safetensors"), pcakd.Student)
    card = pcakd.load_card(tmp_path / "mine.safetensors")
    assert card == pcakd.load_card("mobilenet_v1") == student.card
    with pytest.raises(pcakd.PcakdError, match="'vgg' is not known"):
        pcakd.load_card("vgg")
    with pytest.raises(pcakd.PcakdError, match="is not a file"):
        pcakd.load_card(tmp_path / "no.safetensors")


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_shipped_students_run_in_half_precision(dtype, photographs):
    content, style, _ = map(pcakd.load_image, photographs)
    student = pcakd.load_student("mobilenet_v1")
    expected = student(content, style)
    look = pcakd.extract_style(student, style)
    student.to(dtype)
    found = student(content.to(dtype), style.to(dtype))
    assert found.dtype == dtype
    assert float((found.float() - expected).abs().mean()) < 8 * torch.finfo(dtype).eps
    found = student(content.to(dtype), look)
    assert float((found.float() - expected).abs().mean()) < 8 * torch.finfo(dtype).eps


def test_shipped_students_give_gradients_and_batches(photographs):
    content, style, other = (pcakd.load_image(path).double() for path in photographs)
    student = pcakd.load_student("mobilenet_v1").double()
    batch = torch.stack((content, other))
    plain = student(batch, style)
    torch.testing.assert_close(plain[0], student(content, style))
    image = style.clone().requires_grad_()
    result = student(batch, image)
    torch.testing.assert_close(result.detach(), plain)
    result.mean().backward()
    assert bool(image.grad.isfinite().all())
    assert float(image.grad.abs().max()) > 0.0


def _distill_config(**changes):
    given = {"backbone": "tiny", "data": "photos", "output": "out", "device": "cpu"}
    return pcakd.DistillConfig(**given | changes)


@pytest.fixture(scope="module")
def student():
    return pcakd.load_student("mobilenet_v1")


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda _, __: pcakd.load_student("vgg16", device=torch.device("cuda:99")), "this machine"),
        (lambda _, __: pcakd.load_student("vgg16", device=0), "device '0'"),
        (lambda _, __: pcakd.load_student("vgg16", device=None), "device 'None'"),
        (lambda _, __: pcakd.load_style("a.safetensors", device=0), "device '0'"),
        (lambda _, __: pcakd.load_backbone("tiny", device=torch.device("meta")), "device 'meta'"),
        (lambda _, __: pcakd.load_student(None), "the path of the student is None"),
        (lambda _, __: pcakd.load_student(b"a.safetensors"), "the path of the student is b'a"),
        (lambda _, __: pcakd.load_card(3), "the path of the student is 3"),
        (lambda _, __: pcakd.load_style(None), "the path of the style is None"),
        (lambda _, __: pcakd.load_image(None), "the path of the image is None"),
        (lambda _, x: pcakd.save_image(None, x), "the path of the image is None"),
        (lambda _, __: pcakd.load_backbone(None), "backbone None is not known"),
        (lambda _, __: pcakd.load_backbone(["vgg16"]), "is not known"),
        (lambda _, __: pcakd.load_backbone("vgg16", weights=3), "the path of the weights is 3"),
        (lambda s, x: pcakd.stylize(s, x, x.to_sparse()), "style is a sparse tensor"),
        (lambda s, x: pcakd.extract_style(s, x.to_sparse()), "style is a sparse tensor"),
        (lambda s, x: s(x, x, transform=3), "transform 3 is not known"),
        (lambda s, x: s(x, x, transform=["zca"]), "is not known"),
        (lambda s, x: s(x, x, strength=float("nan")), "strength"),
        (lambda s, x: s(x, x, strength=np.float32("nan")), "strength"),
        (lambda s, x: s(x, x, strength="1"), "strength"),
        (lambda _, x: pcakd.stylize("vgg16", x, x), "the student is 'vgg16'"),
        (lambda _, x: pcakd.stylize(torch.nn.Conv2d(3, 3, 1), x, x), "expected a student"),
        (lambda _, x: pcakd.fit_eigenbases("vgg16", [x]), "the backbone is 'vgg16'; expected"),
        (lambda *_: pcakd.Recipe(average="0.9"), "average must be of type float, got '0.9'"),
        (lambda *_: pcakd.Recipe(zoom=3), "zoom must be two rising numbers of pixels"),
        (lambda *_: pcakd.Recipe(seed=1.5), "seed must be of type int, got 1.5"),
        (lambda *_: pcakd.Recipe(encoder=3), "encoder must be of type Schedule, got 3"),
        (lambda *_: pcakd.Recipe(regularizer="1"), "the regularizer must be finite"),
        (lambda *_: pcakd.Schedule(steps=True, rate=1.0), "steps must be of type int, got True"),
        (lambda *_: pcakd.StylizationWeights(style="1"), "style must be of type float"),
        (lambda _, x: pcakd.extract_style(None, x), "the student is None"),
        (lambda _, x: pcakd.mix_styles([x], [1]), "cannot mix a Tensor"),
        (lambda _, x: pcakd.mix_styles(x, [1]), "expected a list of styles"),
        (lambda _, __: pcakd.distill({}), "expected a pcakd.DistillConfig, got {}"),
        (lambda _, __: _distill_config(name=3), "the name 3"),
        (lambda _, __: _distill_config(recipe={}), "expected a pcakd.Recipe, got {}"),
        (lambda _, __: _distill_config(data=None), "the path of the photographs is None"),
        (lambda _, __: _distill_config(output=3), "the path of the output is 3"),
        (lambda _, __: _distill_config(weights=3), "the path of the weights is 3"),
        (lambda _, __: _distill_config(backbone=None), "backbone None is not known"),
        (lambda _, __: _distill_config(ranks=3), "ranks must be"),
    ],
)
def test_wrong_arguments_are_one_line(student, call, message):
    with pytest.raises(pcakd.PcakdError) as error:
        call(student, torch.rand(3, 16, 16))
    assert message in str(error.value)
    assert "\n" not in str(error.value)


def test_numbers_of_numpy_and_devices_of_torch_are_accepted(student):
    image = torch.rand(3, 16, 16)
    expected = student(image, image.flip(1), strength=0.5)
    assert torch.equal(student(image, image.flip(1), strength=np.float32(0.5)), expected)
    assert pcakd.load_student("vgg16", device=torch.device("cpu")).regularizer


@pytest.mark.parametrize("name", pcakd.list_students())
def test_cards_are_also_json_files(name, tmp_path):
    card = pcakd.load_card(ROOT / "pcakd" / "zoo" / f"{name}.json")
    assert pcakd.load_card(name).items() <= card.items()
    for text, message in (("{", "cannot be read as JSON"), ("[1]", "the card is not an object")):
        (tmp_path / "bad.json").write_text(text, encoding="utf-8")
        with pytest.raises(pcakd.PcakdError, match=message) as error:
            pcakd.load_card(tmp_path / "bad.json")
        assert "\n" not in str(error.value)
    with pytest.raises(pcakd.PcakdError, match="is not a file"):
        pcakd.load_card(tmp_path / "none.json")
