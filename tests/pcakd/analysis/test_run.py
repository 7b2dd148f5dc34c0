import json
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image

from pcakd.analysis.run import SPECTRA, AnalysisConfig, analyze, list_ranks
from pcakd.analysis.spool import COVARIANCES, CovarianceSpool
from pcakd.backbones import load_backbone
from pcakd.costs import TERMS
from pcakd.eigenbases import RankRule, fit_eigenbases, load_spectra
from pcakd.errors import ConfigError, NumericalError, OutputError, PcakdError
from pcakd.students import describe_student


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


def test_students_that_ship_are_marked_by_their_names(analysed):
    spectra = load_spectra(analysed[0] / SPECTRA).spectra  # those of any teacher do
    ranks = list_ranks("vgg16", spectra)
    assert ranks["vgg16"] == ranks["paper"] == (10, 20, 58, 64)
    assert "mobilenet_v1" not in ranks
    assert "vgg16" not in list_ranks("tiny", spectra)


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
    assert len(calls) - 21 + len(before) == 3 * 48
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
        # channels that are nearly silent on these pictures are scaled up, and so is their rounding
        np.testing.assert_allclose(
            spectrum.eigenvalues, expected.eigenvalues, rtol=0,
            atol=1e-3 * float(expected.eigenvalues[0]),
        )  # fmt: skip
        assert spectrum.truncate(expected.rank).mcev == pytest.approx(expected.mcev, abs=1e-3)


def test_latencies_of_other_students_are_not_taken(photos, tmp_path, monkeypatch):
    from pcakd.analysis import timing

    counted, real = [], timing.measure_case
    monkeypatch.setattr(
        timing, "measure_case", lambda *a, **k: (counted.append(1), real(*a, **k))[1]
    )
    fields = {"most": (8, 12, 16, 20), "resolutions": ("48x32",), "device": torch.device("cpu")}
    teacher = load_backbone("tiny")
    for blocks in ("conv", "separable"):
        spec = describe_student(teacher, (4, 6, 8, 10), blocks=blocks)
        found = timing.measure_latencies(tmp_path, spec, seed=0, **fields)
    assert len(counted) == 2 * 3 * 24
    separable = TERMS.index("pointwise_macs")
    assert all(sample.terms[separable] > 0 for sample in found.samples)
    again = timing.measure_latencies(tmp_path, spec, seed=0, **fields)
    assert len(counted) == 2 * 3 * 24
    assert again == found


def test_a_size_with_one_kind_of_student_alone_is_left_out(photos, tmp_path, monkeypatch):
    """Of a size whose large students exceed the memory, some may be left; it needs both kinds."""
    from pcakd.analysis import timing
    from pcakd.utils.resolutions import parse_resolution

    cases = timing.plan_cases((8, 12, 16, 20), ("HD", "48x32"), seed=0)
    spec = describe_student(load_backbone("tiny"), (4, 6, 8, 10))
    monkeypatch.setattr(
        timing, "fits_memory", lambda case, *_: case.resolution.name != "HD" or case.held_out
    )
    possible = timing._choose_possible(cases, spec, 0, {})
    assert {case.resolution for case in possible} == {parse_resolution("48x32")}


def test_too_few_sizes_fail_before_any_work(photos, tmp_path):
    with pytest.raises(ConfigError, match="4 students are timed to fit 8"):
        analyze(_config(photos, tmp_path / "out", resolutions=("4K", "8K")))
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("factor", [float("nan"), 1e22])
def test_features_that_are_not_finite_name_the_photograph(photos, tmp_path, monkeypatch, factor):
    from pcakd.analysis import run

    teacher = load_backbone("tiny")
    teacher.blocks[2][-1].weight.data.mul_(factor)
    monkeypatch.setattr(run, "load_backbone", lambda *args, **options: teacher)
    with pytest.raises(NumericalError, match=r"0\.png: the features of relu3 are not finite"):
        analyze(_config(photos, tmp_path))


def test_photographs_of_one_colour_are_an_error(tmp_path):
    (tmp_path / "flat").mkdir()
    for number in range(3):
        Image.new("RGB", (80, 80), (90, 10, number)).save(tmp_path / f"flat/{number}.png")
    with pytest.raises(NumericalError, match="of one colour each"):
        analyze(_config(tmp_path / "flat", tmp_path / "out"))


def test_another_readme_is_not_replaced(photos, tmp_path):
    (tmp_path / "README.md").write_text("mine")
    with pytest.raises(OutputError, match="it is not an analysis"):
        analyze(_config(photos, tmp_path))
    assert (tmp_path / "README.md").read_text() == "mine"


def test_an_analysis_of_fewer_photographs_leaves_no_table_of_before(photos, tmp_path):
    analyze(_config(photos, tmp_path))
    assert (tmp_path / "tables/stability.md").exists()
    analyze(_config(photos, tmp_path, images=4))
    assert not list(tmp_path.glob("*/stability.*"))
    assert "Stability" not in (tmp_path / "README.md").read_text(encoding="utf-8")
