"""A short distillation that several tests look at."""

import pytest
from tiny_distillation import make_request

from pcakd.distillation import health
from pcakd.distillation.run import distill


@pytest.fixture
def lenient_images(monkeypatch):
    """Let a phase keep the poor image that a few steps leave."""
    monkeypatch.setattr(health, "LOST_IMAGE", float("inf"))


@pytest.fixture(scope="session")
def unbroken(photos, tmp_path_factory):
    """Return the output folder of a run that nothing interrupted; to be read only."""
    folder = tmp_path_factory.mktemp("run") / "tiny"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(health, "LOST_IMAGE", float("inf"))
        distill(make_request(photos, folder))
    return folder
