"""Head against records of a run folder: metrics at their size, floors, and lost subjects."""

from dataclasses import replace

import pytest
from PIL import Image

from bench.cli import main
from bench.gate.against_records import committed_speedups
from bench.gate.config import GateConfig
from bench.quality.pairs import shipped_pairs_folder
from bench.records.schema import hash_case
from bench.records.store import append_record, read_records

PROFILE = """
[profiles.small]
subjects = ["reinhard", "mkl"]
resolutions = ["96x64"]
measured = []
transforms = ["zca"]
warmup = 0
samples = 1
case_seconds = 60
memory_fraction = 0.9
quality_max_side = {side}

[metrics]
measured = ["ssim", "gmsd"]

[gate]
subjects = ["reinhard", "mkl"]
kinds = ["quality"]
metrics = ["ssim", "gmsd"]
pairs = "pairs"
quality_max_side = 64
"""


def test_recorded_speed_ratios_are_floors(make_ratio):
    records = [
        *make_ratio("vgg16", "mobilenet_v1", 3.0),
        *make_ratio("vgg16", "reinhard", 9.0),  # the gate has no reinhard
        *make_ratio("vgg19-full", "vgg16", 8.0, resolution="4K"),
        *make_ratio("content", "mkl", 2.0),  # neither is a subject of the gate
    ]
    config = GateConfig(speedups={"vgg16 mkl": 5.0})
    floors = committed_speedups(records, config).speedups
    assert floors == {"vgg16 mobilenet_v1": pytest.approx(3.0, rel=0.01), "vgg16 mkl": 5.0}


@pytest.fixture(scope="module")
def run_folder(tmp_path_factory):
    """Return a folder with six image pairs and the records of two subjects, 80 px a side."""
    folder = tmp_path_factory.mktemp("project")
    (folder / "pairs").mkdir()
    for path in shipped_pairs_folder().glob("*.jpg"):
        with Image.open(path) as image:
            image.reduce(8).save(folder / "pairs" / path.name)
    (folder / "benchmarks.toml").write_text(PROFILE.format(side=80), encoding="utf-8")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setenv("OMP_NUM_THREADS", "1")
        assert main([
            "run", "--profile", "small", "--only", "quality", "--pairs", "pairs", "--out", "run",
            "--device", "cpu",
        ]) == 0  # fmt: skip
    return folder


def edit(folder, name, change):
    """Write a copy of the records with each of them changed; return the folder."""
    (folder / name).mkdir()
    for record in read_records(folder / "run"):
        changed = change(record)
        changed = replace(changed, case_hash=hash_case(changed.case))
        append_record(folder / name, changed)
    return name


@pytest.mark.slow
def test_scores_are_compared_at_the_size_of_the_records(run_folder, monkeypatch, capsys):
    monkeypatch.chdir(run_folder)
    summary = run_folder / "summary.md"
    summary.write_text("# Before\n", encoding="utf-8")
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(summary))
    assert main(["gate", "--against", "run"]) == 0
    assert summary.read_text(encoding="utf-8").startswith("# Before\n**gate passed: 4 same")
    output = capsys.readouterr().out
    assert output.startswith("gate passed: 4 same or better")
    assert "6 recorded image pairs" in output

    def flatter(record):
        return replace(record, ssim=record.ssim + 0.02 * (record.case.subject == "mkl"))

    assert main(["gate", "--against", edit(run_folder, "flatter", flatter)]) == 1
    assert "worst: quality ssim mkl, worse" in capsys.readouterr().out


@pytest.mark.slow
def test_a_recorded_subject_that_head_lost_is_missing(run_folder, monkeypatch, capsys):
    monkeypatch.chdir(run_folder)

    def rename(record):
        name = record.case.subject.replace("mkl", "mkk")
        return replace(record, case=replace(record.case, subject=name))

    records = edit(run_folder, "lost", rename)
    config = PROFILE.format(side=80).replace('["reinhard", "mkl"]\nkinds', '["mkk", "mkl"]\nkinds')
    (run_folder / "lost.toml").write_text(config, encoding="utf-8")
    assert main(["gate", "--against", records, "--config", "lost.toml"]) == 1
    output = capsys.readouterr().out
    assert "head has no mkk" in output
    assert "base has no mkl: no record" in output
    assert output.startswith("gate REGRESSION: 2 missing, 2 not comparable")
    assert main(["gate", "--against", "run", "--config", "lost.toml"]) == 2
    assert "mkk" in capsys.readouterr().err
