"""The command lines ask PyTorch for huge pages, before it is imported."""

import os
import subprocess
import sys

import pytest

from pcakd.utils.huge_pages import VARIABLE, has_huge_pages, prefer_huge_pages

PRINT = (
    "import os, sys; from {module} import main\n"
    "try: main(['--version'])\n"
    "except SystemExit: pass\n"
    "print(os.environ.get('{variable}'), 'torch' in sys.modules)"
)


@pytest.mark.parametrize("module", ["pcakd.cli", "bench.cli"])
@pytest.mark.parametrize(("given", "expected"), [(None, "1"), ("0", "0")])
def test_command_lines_ask_for_huge_pages_unless_told_otherwise(module, given, expected):
    environment = {name: value for name, value in os.environ.items() if name != VARIABLE}
    environment |= {VARIABLE: given} if given else {}
    code = PRINT.format(module=module, variable=VARIABLE)
    out = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True
    ).stdout
    assert out.splitlines()[-1] == f"{expected} False"


def test_nothing_is_set_once_torch_is_there(monkeypatch):
    monkeypatch.delenv(VARIABLE, raising=False)
    monkeypatch.setitem(sys.modules, "torch", sys)
    prefer_huge_pages()
    assert VARIABLE not in os.environ
    monkeypatch.delitem(sys.modules, "torch")
    prefer_huge_pages()
    assert os.environ.pop(VARIABLE) == "1"


@pytest.mark.parametrize(
    ("state", "asked", "expected"),
    [
        ("always [madvise] never", "1", True),
        ("always [madvise] never", "0", False),
        ("[always] madvise never", "0", True),
        ("always madvise [never]", "1", False),
        (None, "1", False),
    ],
)
def test_whether_there_are_huge_pages_is_the_kernels_word(
    tmp_path, monkeypatch, state, asked, expected
):
    monkeypatch.setenv(VARIABLE, asked)
    file = tmp_path / "enabled"
    if state is not None:
        file.write_text(state + "\n")
    assert has_huge_pages(file) is expected
