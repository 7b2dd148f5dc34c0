"""Choices of the command line; children of a run find the metrics' networks in any case."""

import os
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from small_runs import make_profile

from bench.commands.run import _metric_weights, choose_kinds, choose_profile
from pcakd.errors import ConfigError, PcakdError, WeightsError

PROFILE = make_profile(resolutions=("96x64",), measured=("96x64",))


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


def test_command_line_choices():
    chosen = choose_profile(PROFILE, "a, b", "HD")
    assert chosen.subjects == ("a", "b")
    assert chosen.resolutions == chosen.measured == ("HD",)
    paired = replace(PROFILE, subjects=("a", "b", "c"), paired=("a b", "b c"))
    assert choose_profile(paired, "b, a", None).paired == ("a b",)
    assert choose_profile(paired, None, "FHD,HD").paired_resolution == "HD"
    assert choose_profile(paired, None, "FHD,4K").paired_resolution == "FHD"
    for text in ("", "a,a"):
        with pytest.raises(ConfigError):
            choose_profile(PROFILE, text, None)
    with pytest.raises(ConfigError, match="one size twice, HD and 1280x720"):
        choose_profile(PROFILE, None, "HD,FHD,1280x720")


def test_kinds_of_cases_are_chosen_in_the_order_of_a_run():
    assert choose_kinds(None) == ("cost", "pair", "stages", "capacity", "quality", "curve")
    assert choose_kinds("quality, cost") == ("cost", "quality")
    with pytest.raises(ConfigError, match="names something twice"):
        choose_kinds("cost,cost")
    with pytest.raises(PcakdError, match="kind of case 'pairs' is not known; did you mean 'pair'"):
        choose_kinds("pairs")
