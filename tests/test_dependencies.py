"""What each part of the project imports, against the dependencies that ``pyproject.toml`` names."""

import ast
import re
import subprocess
import sys
import tomllib
from importlib.metadata import packages_distributions
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from pcakd.utils.extras import EXTRAS

ROOT = Path(__file__).parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
OURS = {"pcakd", "bench"}
# optional ones that another extra brings along
INDIRECT = {"huggingface_hub"}  # timm's


def _distributions(requirements):
    names = (re.match(r"[\w.-]+", each)[0] for each in requirements)
    return {re.sub(r"[-_.]+", "-", name).lower() for name in names} - {"pca-kd-bench"}


def _modules(requirements):
    """Return the modules that distributions install, of those that are installed here."""
    wanted = _distributions(requirements)
    return {
        module
        for module, names in packages_distributions().items()
        if {re.sub(r"[-_.]+", "-", name).lower() for name in names} & wanted
    }


CORE = _modules(PROJECT["dependencies"])


def _imports(package, *, top):
    """Yield the foreign modules that a package imports, at the top of its modules or within."""
    for path in sorted((ROOT / package).rglob("*.py")):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        typing_only = {
            node
            for test in ast.walk(tree)
            if isinstance(test, ast.If) and "TYPE_CHECKING" in ast.unparse(test.test)
            for node in ast.walk(test)
        }
        functions = (ast.FunctionDef, ast.AsyncFunctionDef)
        inside = {
            node
            for function in ast.walk(tree)
            if isinstance(function, functions)
            for node in ast.walk(function)
        }
        for node in ast.walk(tree):
            if node in typing_only or (node in inside) == top:
                continue
            for module in _named(node):
                foreign = module.partition(".")[0]
                if foreign not in {*sys.stdlib_module_names, *OURS}:
                    yield foreign, str(path.relative_to(ROOT))


def _named(node):
    if isinstance(node, ast.Import):
        return [each.name for each in node.names]
    return [node.module] if isinstance(node, ast.ImportFrom) and node.level == 0 else []


def test_modules_of_pcakd_import_the_core_alone():
    assert {(name, path) for name, path in _imports("pcakd", top=True) if name not in CORE} == set()


def test_functions_of_pcakd_import_what_an_extra_brings():
    known = CORE | INDIRECT | {name for names in EXTRAS.values() for name in names}
    assert {each for each in _imports("pcakd", top=False) if each[0] not in known} == set()


def test_the_benchmark_imports_what_its_extra_brings():
    extras = ("bench", "analyze", "train", "filter")
    known = CORE | {name for extra in extras for name in EXTRAS[extra]}
    found = {*_imports("bench", top=True), *_imports("bench", top=False)}
    assert {each for each in found if each[0] not in known} == set()


def test_every_dependency_of_the_core_is_imported():
    used = {name for name, _ in _imports("pcakd", top=True)}
    used |= {name for name, _ in _imports("pcakd", top=False)}
    for requirement in PROJECT["dependencies"]:
        assert _modules([requirement]) & used, requirement


@pytest.mark.parametrize("extra", [each for each in EXTRAS if each != "tf"])
def test_extras_are_those_of_the_project(extra):
    declared = _distributions(PROJECT["optional-dependencies"][extra])
    installed = packages_distributions()
    listed = _distributions(name for module in EXTRAS[extra] for name in installed[module])
    assert listed == declared


def test_every_extra_is_in_all():
    declared = PROJECT["optional-dependencies"]
    assert declared["all"] == ["pca-kd-bench[bench,onnx,ray,timm,tf]"]
    assert declared["analyze"][0] == "pca-kd-bench[train]"
    assert declared["bench"][0] == "pca-kd-bench[filter,analyze]"
    assert declared["onnx"][0] == declared["ray"][0] == "pca-kd-bench[bench]"
    assert declared.keys() == {*EXTRAS, "all"}


BLOCKED = """
import sys

class Finder:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {blocked!r}:
            raise ModuleNotFoundError(f"blocked: {{name}}", name=name)

sys.meta_path.insert(0, Finder())
import pcakd
assert "torch" not in sys.modules
from pcakd.cli import main
for arguments in {commands!r}:
    assert main(arguments) == 0, arguments
"""


def test_stylizing_and_listing_need_no_extra(tmp_path):
    photo, out = tmp_path / "photo.png", tmp_path / "out.png"
    noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    Image.fromarray(noise).save(photo)
    style, student = tmp_path / "style.safetensors", ["--student", "mobilenet_v1"]
    commands = [
        ["stylize", str(photo), str(photo), "-o", str(out), *student],
        ["style", "extract", str(photo), "-o", str(style), *student],
        ["stylize", str(photo), "--style", str(style), "-o", str(out), *student],
        ["list"],
    ]
    blocked = {name for names in EXTRAS.values() for name in names}
    code = BLOCKED.format(blocked=blocked, commands=commands)
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert out.exists()
