"""Options of a run, and the networks of the metrics for its child processes."""

import os
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from small_runs import make_profile

from bench.commands.run import _metric_weights, choose_measurements, choose_profile
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
def test_networks_missing_from_the_cache_are_kept_for_the_run(monkeypatch):
    monkeypatch.setattr("pcakd.weights.load_weights", load)
    with _metric_weights():
        folder = Path(os.environ["PCAKD_WEIGHTS"])
        assert sorted(path.name for path in folder.iterdir()) == [
            "alexnet_features.safetensors",
            "vgg16_features.safetensors",
        ]
    assert "PCAKD_WEIGHTS" not in os.environ
    assert not folder.exists()


@pytest.mark.usefixtures("cache")
def test_other_files_of_the_users_folder_are_kept_too(tmp_path, monkeypatch):
    monkeypatch.setattr("pcakd.weights.load_weights", load)
    own = tmp_path / "own"
    (own / "folder").mkdir(parents=True)
    for name in ("peer.packed.safetensors", "vgg16_features.safetensors"):
        (own / name).write_bytes(b"own")
    monkeypatch.setenv("PCAKD_WEIGHTS", str(own))
    with _metric_weights():
        folder = Path(os.environ["PCAKD_WEIGHTS"])
        assert folder != own
        assert (folder / "peer.packed.safetensors").read_bytes() == b"own"
        assert (folder / "vgg16_features.safetensors").read_bytes() != b"own"
    assert os.environ["PCAKD_WEIGHTS"] == str(own)
    assert (own / "vgg16_features.safetensors").read_bytes() == b"own"


def test_networks_of_the_cache_are_used(monkeypatch, cache):
    monkeypatch.setattr("pcakd.weights.load_weights", load)
    cache.mkdir()
    for name in ("alexnet", "vgg16"):
        (cache / f"{name}_features.safetensors").touch()
    with _metric_weights():
        assert "PCAKD_WEIGHTS" not in os.environ


@pytest.mark.usefixtures("cache")
def test_networks_that_cannot_be_fetched_are_a_warning(monkeypatch, capsys):
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
    ratios = replace(PROFILE, subjects=("a", "b", "c"), speed_ratios=("a b", "b c"))
    assert choose_profile(ratios, "b, a", None).speed_ratios == ("a b",)
    assert choose_profile(ratios, None, "FHD,HD").ratio_resolution == "HD"
    assert choose_profile(ratios, None, "FHD,4K").ratio_resolution == "FHD"
    for text in ("", "a,a"):
        with pytest.raises(ConfigError):
            choose_profile(PROFILE, text, None)
    with pytest.raises(ConfigError, match="one size twice, HD and 1280x720"):
        choose_profile(PROFILE, None, "HD,FHD,1280x720")


def test_measurements_are_taken_in_the_order_of_a_run():
    names = ("cost", "contention", "ratio", "breakdown", "capacity", "quality", "curve")
    assert choose_measurements(None) == names
    assert choose_measurements("quality, cost") == ("cost", "quality")
    with pytest.raises(ConfigError, match="names something twice"):
        choose_measurements("cost,cost")
    with pytest.raises(PcakdError, match="'ratios' is not known; did you mean 'ratio'"):
        choose_measurements("ratios")


def test_old_names_of_measurements_are_accepted_with_a_warning(capsys):
    assert choose_measurements("stages,pair") == ("ratio", "breakdown")
    first, second = capsys.readouterr().err.splitlines()
    assert first.startswith("warning: --only stages is now --only breakdown")
    assert second.startswith("warning: --only pair is now --only ratio")
