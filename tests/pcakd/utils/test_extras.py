"""Missing libraries: every command that needs one ends in one line that names its extra."""

import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

from bench.cli import COMMANDS
from bench.cli import main as bench_main
from pcakd.cli import main
from pcakd.errors import MissingExtraError
from pcakd.utils.extras import EXTRAS, check_extra, require_extra


@pytest.fixture
def block(monkeypatch):
    """Return a function that makes modules look as if they were not installed."""

    def hide(*names):
        for name in names:
            loaded = [each for each in sys.modules if each.startswith(f"{name}.")]
            for each in (name, *loaded):
                monkeypatch.setitem(sys.modules, each, None)

    return hide


@pytest.fixture
def photo(tmp_path):
    path = tmp_path / "photo.png"
    Image.fromarray(np.full((64, 64, 3), 128, dtype=np.uint8)).save(path)
    return path


def _one_line(capsys, extra):
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert error.endswith(
        f"; install the extra {extra!r}: pip install '.[{extra}]' in the clone, or "
        f"'pca-kd-bench[{extra}]'\n"
    )
    return error


def test_a_library_that_is_there_is_imported():
    assert require_extra("train", "filelock", "training") is sys.modules["filelock"]


def test_a_library_that_cannot_be_imported_says_why(tmp_path, monkeypatch):
    (tmp_path / "half_installed.py").write_text("raise ImportError('libGL.so.1 is missing')\n")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(MissingExtraError, match=r"cannot be imported \(libGL.so.1 is missing\)"):
        require_extra("filter", "half_installed", "a test")


@pytest.mark.parametrize(
    ("extra", "module"), [(extra, module) for extra, names in EXTRAS.items() for module in names]
)
def test_each_module_of_an_extra_is_checked(extra, module, block):
    block(module)
    with pytest.raises(MissingExtraError, match=rf"^{module} is needed for a test; .*\[{extra}\]"):
        check_extra(extra, "a test")


def test_the_check_leaves_setuptools_usable():
    pytest.importorskip("setuptools")
    code = (
        "from pcakd.utils.extras import check_extra; check_extra('train', 'x'); import setuptools"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_bench_includes_the_extras_that_it_needs(block):
    block("torchvision")
    with pytest.raises(MissingExtraError, match=r"torchvision is needed .*\[bench\]"):
        check_extra("bench", "a test")


def test_the_guided_filter_is_missed_before_the_work(block, capsys, tmp_path):
    block("cv2")
    missing = str(tmp_path / "there-is-no-photograph.png")
    out = str(tmp_path / "out.png")
    assert main(["stylize", missing, missing, "-o", out, "--guided-filter"]) == 2
    assert _one_line(capsys, "filter").startswith("pcakd: error: cv2.ximgproc is needed for")


def test_without_the_guided_filter_its_library_is_not_needed(block, capsys, photo, tmp_path):
    block("cv2")
    out = tmp_path / "out.png"
    arguments = ["stylize", str(photo), str(photo), "-o", str(out), "--student", "mobilenet_v1"]
    assert main(arguments) == 0
    assert out.exists()


@pytest.mark.parametrize("module", EXTRAS["train"])
@pytest.mark.parametrize("command", ["distill", "eigenbases"])
def test_training_commands_name_their_extra(command, module, block, capsys, photo, tmp_path):
    block(module)
    out = tmp_path / "out"
    data = ["--data", str(photo.parent), "-o", str(out)]
    assert main([command, "--backbone", "tiny", *data]) == 2
    assert f"{module} is needed for pcakd {command}" in _one_line(capsys, "train")
    assert not out.exists()


def test_checkpoints_of_the_authors_name_their_extra(block, capsys, tmp_path):
    block("tensorflow")
    for part in ("sencoder", "sdecoder"):
        (tmp_path / f"{part}.index").write_bytes(b"")
    out = str(tmp_path / "out.safetensors")
    assert main(["import-authors", str(tmp_path), "-o", out]) == 2
    assert "tensorflow is needed" in _one_line(capsys, "tf")


def test_teachers_of_timm_name_their_extra(block, capsys, photo, tmp_path):
    from pcakd.backbones.timm_models import describe_timm

    describe_timm.cache_clear()
    block("timm")
    data = ["--data", str(photo.parent), "-o", str(tmp_path / "out.safetensors")]
    assert main(["eigenbases", "--backbone", "timm/resnet18", *data]) == 2
    assert "timm is needed for backbone 'timm/resnet18'" in _one_line(capsys, "timm")


@pytest.mark.parametrize("command", COMMANDS)
def test_commands_of_the_benchmark_name_their_extra(command, block, capsys):
    block("fvcore")
    assert bench_main([command]) == 2
    assert "fvcore is needed for pcakd-bench" in _one_line(capsys, "bench")


def test_help_of_the_benchmark_needs_no_extra(block, capsys):
    block(*EXTRAS["bench"])
    with pytest.raises(SystemExit) as end:
        bench_main(["--help"])
    assert end.value.code == 0
    assert "sweep" in capsys.readouterr().out
