"""A short distillation that several tests share."""

import pytest
from tiny_distillation import make_config

from pcakd.distillation import health
from pcakd.distillation.run import distill


@pytest.fixture
def lenient_images(monkeypatch):
    """Accept the poor reconstructions of a few training steps."""
    monkeypatch.setattr(health, "MAX_RECONSTRUCTION_LOSS", float("inf"))


@pytest.fixture(scope="session")
def unbroken(photos, tmp_path_factory):
    """Return the output folder of an uninterrupted run, which tests only read."""
    folder = tmp_path_factory.mktemp("run") / "tiny"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(health, "MAX_RECONSTRUCTION_LOSS", float("inf"))
        distill(make_config(photos, folder))
    return folder
