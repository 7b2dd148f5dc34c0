"""Fixtures shared by all tests."""

import os
from pathlib import Path

import pytest
from hypothesis import settings

# shared machines pause: a deadline in seconds would test the machine, not the code
settings.register_profile("project", deadline=None)
settings.load_profile("project")


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
