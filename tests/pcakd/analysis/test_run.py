import json
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
import torch

from pcakd.analysis.run import SPECTRA, AnalysisConfig, analyze
from pcakd.analysis.spool import COVARIANCES, CovarianceSpool
from pcakd.backbones import load_backbone
from pcakd.eigenbases import RankRule, fit_eigenbases, load_spectra
from pcakd.errors import ConfigError, PcakdError


def _config(photos, output, **changes):
    fields = {"backbone": "tiny", "data": photos, "output": output, "device": torch.device("cpu")}
    return AnalysisConfig(**{"crop": 64} | fields | changes)


@pytest.fixture(scope="module")
def analysed(photos, tmp_path_factory):
    folder = tmp_path_factory.mktemp("analysis") / "tiny"
    return folder, analyze(_config(photos, folder))


def test_spectra_are_those_of_a_fit(analysed, photos):
    folder, _ = analysed
    file = load_spectra(folder / SPECTRA)
    fitted = fit_eigenbases(load_backbone("tiny"), photos, crop=64, ranks=(8, 12, 16, 20))
    for spectrum, expected in zip(file.spectra, fitted, strict=True):
        # the file of moments is float32
        largest = float(expected.eigenvalues[0])
        torch.testing.assert_close(
            spectrum.eigenvalues, expected.eigenvalues, rtol=0, atol=1e-6 * largest
        )
        torch.testing.assert_close(
            spectrum.components[:, :2].abs(), expected.basis[:, :2].abs(), rtol=0, atol=1e-3
        )
    by_mcev = fit_eigenbases(load_backbone("tiny"), photos, crop=64, mcev=0.85)
    for tap, (spectrum, expected) in enumerate(zip(file.spectra, by_mcev, strict=True), start=1):
        rank = spectrum.choose_rank(RankRule(mcev=0.85), tap=tap)
        assert rank == expected.rank
        assert spectrum.truncate(rank).mcev == pytest.approx(expected.mcev, abs=1e-5)


def test_the_folder_holds_everything_and_nothing_of_the_work(analysed):
    folder, analysis = analysed
    names = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    stems = ("spectra", "ranks", "stability", "channel-costs")
    assert names == {
        *("README.md", "analysis.json", SPECTRA, ".pcakd.lock"),
        *(f"tables/{stem}.{kind}" for stem in stems for kind in ("md", "tex", "csv")),
        "tables/curves.csv",
        *(f"plots/{stem}.{kind}" for stem in (*stems[:1], *stems[2:]) for kind in ("png", "svg")),
    }
    content = json.loads((folder / "analysis.json").read_text(encoding="utf-8"))
    assert content["format"] == "pcakd-analysis"
    assert [len(tap["mcev"]) for tap in content["taps"]] == [8, 12, 16, 20]
    assert content["photographs"]["photographs"] == 8
    assert list(analysis.ranks) == ["paper", "mcev 0.75", "mcev 0.85", "mcev 0.95"]
    page = (folder / "README.md").read_text(encoding="utf-8")
    assert "![Cost of a student" in page
    assert "4,6,8,10" in page


def test_costs_of_channels_are_those_of_students(analysed):
    from pcakd.costs import count_student

    _, analysis = analysed
    for tap, costs in enumerate(analysis.costs):
        ranks = list(analysis.ranks["paper"])
        ranks[tap] = 3
        counts = count_student(replace(analysis.student, ranks=tuple(ranks)))
        assert (costs.num_params[2], costs.macs[2]) == (counts.num_params, float(counts.macs))
        assert costs.latency_ns == {}


_KILLED = """
import os, sys
from pathlib import Path
import torch
from pcakd.analysis import run, spool

appended = spool.CovarianceSpool.append
def append(self, taps):
    appended(self, taps)
    if len(self) == 3:
        with open(Path(sys.argv[2]) / spool.COVARIANCES, "ab") as stream:
            stream.write(b"half a record")
        os._exit(9)
spool.CovarianceSpool.append = append
run.analyze(run.AnalysisConfig(
    backbone="tiny", data=Path(sys.argv[1]), output=Path(sys.argv[2]), crop=64,
    device=torch.device("cpu"),
))
"""


def test_a_killed_analysis_continues_and_reads_no_photograph_twice(
    analysed, photos, tmp_path, monkeypatch
):
    output = tmp_path / "out"
    done = subprocess.run(
        [sys.executable, "-c", _KILLED, str(photos), str(output)], check=False, capture_output=True
    )
    assert done.returncode == 9, done.stderr
    from pcakd.eigenbases import sources

    read, real = [], sources.load_image
    monkeypatch.setattr(sources, "load_image", lambda path: (read.append(path.name), real(path))[1])
    analyze(_config(photos, output))
    assert read == [f"{number}.png" for number in range(3, 8)]
    folder, _ = analysed
    assert (output / SPECTRA).read_bytes() == (folder / SPECTRA).read_bytes()
    assert not (output / COVARIANCES).exists()


def test_other_settings_do_not_continue(photos, tmp_path):
    spool = CovarianceSpool(tmp_path, widths=(8, 12, 16, 20), settings={"backbone": "other"})
    assert len(spool) == 0
    (tmp_path / COVARIANCES).write_bytes(b"\0" * spool.record_bytes)
    with pytest.raises(ConfigError, match="other settings"):
        analyze(_config(photos, tmp_path))


def test_latencies_are_measured_once_and_fitted(photos, tmp_path, monkeypatch):
    from pcakd.analysis import timing

    calls, real = [], timing.measure_case

    def measure(case, spec, device, *, seed):
        if len(calls) == 20:
            raise KeyboardInterrupt
        calls.append(case)
        return real(case, spec, device, seed=seed)

    monkeypatch.setattr(timing, "measure_case", measure)
    config = _config(photos, tmp_path / "out", resolutions=("48x32", "80x64"))
    with pytest.raises(KeyboardInterrupt):
        analyze(config)
    before = list(calls)
    calls.clear()
    calls.extend([None] * 21)
    analysis = analyze(config)
    assert len(calls) - 21 + len(before) == 48
    assert len(analysis.latency.samples) == 48
    assert analysis.latency.left_out == ()
    assert set(analysis.costs[0].latency_ns) == {"HD", "FHD", "QHD", "4K", "5K", "8K"}
    page = (tmp_path / "out/README.md").read_text(encoding="utf-8")
    assert "## Latency model" in page


def test_sizes_that_exceed_the_memory_are_left_out_and_named(photos, tmp_path, monkeypatch):
    from pcakd.analysis import timing

    monkeypatch.setattr(timing, "_available_bytes", lambda device: 60 << 20)
    analysis = analyze(_config(photos, tmp_path, resolutions=("48x32", "HD")))
    assert analysis.latency.left_out == ("HD",)
    monkeypatch.setattr(timing, "_available_bytes", lambda device: 0)
    with pytest.raises(PcakdError, match="0 latencies are too few"):
        analyze(_config(photos, tmp_path / "none", resolutions=("48x32",)))


@pytest.mark.weights
def test_gatys_normalisation_comes_from_the_same_reading(weights_folder, photos, tmp_path):
    """A VGG's bases are those of a normalised VGG, though its channels are scaled afterwards."""
    from pcakd.backbones import measure_channel_means, normalize_activations
    from pcakd.eigenbases.sources import read_batches
    from pcakd.images import list_images

    analyze(_config(photos, tmp_path, backbone="vgg16"))
    file = load_spectra(tmp_path / SPECTRA)
    teacher = load_backbone("vgg16")
    means = measure_channel_means(teacher, read_batches(list_images(photos), teacher, crop=64))
    for found, expected in zip(file.channel_means, means, strict=True):
        torch.testing.assert_close(found, expected, rtol=1e-5, atol=1e-6)
    normalize_activations(teacher, means)
    fitted = fit_eigenbases(teacher, photos, crop=64)
    for spectrum, expected in zip(file.spectra, fitted, strict=True):
        np.testing.assert_allclose(
            spectrum.eigenvalues, expected.eigenvalues, rtol=0,
            atol=1e-4 * float(expected.eigenvalues[0]),
        )  # fmt: skip
        assert spectrum.truncate(expected.rank).mcev == pytest.approx(expected.mcev, abs=1e-4)
