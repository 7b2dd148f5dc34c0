"""Fixtures shared by all tests."""

import os
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from hypothesis import settings
from PIL import Image

# shared machines pause: a deadline in seconds would test the machine, not the code
settings.register_profile("project", deadline=None)
settings.load_profile("project")


@pytest.hookimpl(tryfirst=True)  # before -m chooses
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the tests of files that compare arrays as ``numerics``."""
    for item in items:
        if _compares_arrays(item.path):
            item.add_marker("numerics")


@cache
def _compares_arrays(path: Path) -> bool:
    text = path.read_text(encoding="utf-8")
    return any(name in text for name in ("assert_close(", "assert_allclose(", "gradcheck("))


def _folder(variable: str) -> Path:
    value = os.environ.get(variable)
    if not value:
        pytest.skip(f"{variable} is not set")
    return Path(value)


@pytest.fixture(scope="session")
def weights_folder() -> Path:
    """Return the folder of real teacher weights, or skip."""
    return _folder("PCAKD_WEIGHTS")


@pytest.fixture(scope="session")
def data_folder() -> Path:
    """Return the folder of test photographs and reference students, or skip."""
    return _folder("PCAKD_TEST_DATA")


@pytest.fixture(scope="session")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder of eight smooth random pictures to train on."""
    folder = tmp_path_factory.mktemp("photos")
    rng = np.random.default_rng(0)
    for index in range(8):
        coarse = Image.fromarray(rng.integers(0, 256, (6, 7, 3), dtype=np.uint8))
        coarse.resize((70, 60), Image.Resampling.BICUBIC).save(folder / f"{index}.png")
    return folder
