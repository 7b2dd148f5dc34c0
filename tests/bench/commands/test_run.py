"""Children of a run find the metrics' networks, whether or not the cache can be written."""

import os
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch

from bench.commands.run import _metric_weights
from pcakd.errors import WeightsError


@pytest.fixture
def cache(tmp_path, monkeypatch):
    monkeypatch.delenv("PCAKD_WEIGHTS", raising=False)
    monkeypatch.setattr("pcakd.weights.cache_folder", lambda: tmp_path / "cache")
    return tmp_path / "cache"


def load(backbone, weight_set):
    card = SimpleNamespace(source="publisher")
    return SimpleNamespace(tensors={backbone: torch.ones(1)}, card=card)


@pytest.mark.usefixtures("cache")
def test_what_the_cache_does_not_hold_is_kept_for_the_run(monkeypatch):
    monkeypatch.setattr("pcakd.weights.load_weights", load)
    with _metric_weights():
        folder = Path(os.environ["PCAKD_WEIGHTS"])
        assert sorted(path.name for path in folder.iterdir()) == [
            "alexnet_features.safetensors",
            "vgg16_features.safetensors",
        ]
    assert "PCAKD_WEIGHTS" not in os.environ
    assert not folder.exists()


def test_what_the_cache_holds_is_left_there(monkeypatch, cache):
    monkeypatch.setattr("pcakd.weights.load_weights", load)
    cache.mkdir()
    for name in ("alexnet", "vgg16"):
        (cache / f"{name}_features.safetensors").touch()
    with _metric_weights():
        assert "PCAKD_WEIGHTS" not in os.environ


@pytest.mark.usefixtures("cache")
def test_networks_that_cannot_be_had_are_a_warning(monkeypatch, capsys):
    def fail(*_):
        raise WeightsError("no network")

    monkeypatch.setattr("pcakd.weights.load_weights", fail)
    with _metric_weights():
        assert "PCAKD_WEIGHTS" not in os.environ
    assert "quality cannot be scored: no network" in capsys.readouterr().err
