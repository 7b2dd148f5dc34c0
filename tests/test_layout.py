"""Tests mirror the layout of the packages."""

from pathlib import Path

import pytest

TESTS = Path(__file__).parent
ROOT = TESTS.parent
# these cross modules
EXCEPTIONS = {"pcakd/test_golden_outputs.py", "pcakd/test_public_api.py"}
FILES = sorted(
    path.relative_to(TESTS).as_posix()
    for package in ("pcakd", "bench")
    for path in (TESTS / package).rglob("test_*.py")
)


def names_what_exists(name: str) -> bool:
    """Tell whether a path such as ``pcakd/images/test_read_gif.py`` names a module or its folder.

    The name of the module may be followed by an aspect: ``test_read_gif.py`` tests ``read.py``.
    """
    folder = ROOT / Path(name).parent
    words = Path(name).stem.removeprefix("test_").split("_")
    stems = ["_".join(words[:count]) for count in range(1, len(words) + 1)]
    return folder.is_dir() and any(
        (folder / f"{stem}.py").is_file() or stem == folder.name for stem in stems
    )


@pytest.mark.parametrize("name", [name for name in FILES if name not in EXCEPTIONS])
def test_each_test_file_names_a_module_or_its_folder(name: str) -> None:
    assert names_what_exists(name), f"tests/{name} names no module: rename or split it"


def test_exceptions_exist() -> None:
    assert set(FILES) >= EXCEPTIONS


@pytest.mark.parametrize("name", ["pcakd/test_absent.py", "pcakd/absent/test_read.py"])
def test_other_names_are_noticed(name: str) -> None:
    assert not names_what_exists(name)
