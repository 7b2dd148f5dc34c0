"""What the tests of the peers' training share."""

import pytest

from pcakd.distillation import health


@pytest.fixture
def lenient_images(monkeypatch):
    """Let a phase keep the poor image that a few steps leave."""
    monkeypatch.setattr(health, "LOST_IMAGE", float("inf"))
