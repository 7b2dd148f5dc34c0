"""`pcakd-bench quality`: rows, sizes, bad options."""

import json
from pathlib import Path

import pytest
import torch
from quality_inputs import call, save_random

from bench.commands import quality
from bench.quality.unseen import digest_file
from bench.records.schema import METRIC_NAMES
from pcakd.errors import (
    ConfigError,
    ImageError,
    NumericalError,
    OutputError,
    PcakdError,
    ShapeError,
    UnknownNameError,
)
from pcakd.students import StudentSpec, create_student, save_student

SIZES = {"01_content": (40, 33), "01_style": (32, 48), "02_content": (31, 36), "02_style": (35, 35)}


@pytest.fixture
def pairs(tmp_path: Path) -> Path:
    folder = tmp_path / "pairs"
    folder.mkdir()
    for seed, (name, (height, width)) in enumerate(SIZES.items()):
        save_random(folder / f"{name}.png", height, width, seed)
    return folder


@pytest.mark.weights
@pytest.mark.usefixtures("weights_folder")
def test_quality_writes_a_row_for_each_subject_transform_and_pair(
    pairs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    spec = StudentSpec(architecture="tiny", ranks=(2, 3, 4, 5))
    save_student(tmp_path / "mine.safetensors", create_student(spec))
    subjects = f"{tmp_path}/mine.safetensors, content"
    out = tmp_path / "out.json"
    arguments = ("--pairs", pairs, "--subjects", subjects, "--json", out, "--transforms", "zca,ot")
    assert call(quality, *arguments) == 0
    rows = json.loads(out.read_text())
    assert [(row["subject"], row["pair"]) for row in rows] == [
        (name, pair) for name in ("mine", "mine@ot", "content") for pair in ("01", "02")
    ]
    # the images are too small for MS-SSIM
    names = {"subject", "pair", *METRIC_NAMES} - {"ms_ssim"}
    assert all(set(row) == names for row in rows)
    assert all(row["ssim"] == 1.0 and row["lpips"] == 0.0 for row in rows[4:])
    printed = capsys.readouterr().out
    first, second = printed.split("Other metrics")
    assert "mine@ot" in first
    assert "Bounded Gram ↓" in first
    assert "HaarPSI ↑" in second
    assert "MS-SSIM" not in printed


def test_the_configuration_chooses_the_metrics(
    pairs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "mine.toml").write_text('[metrics]\nmeasured = ["edge_ssim", "gmsd"]\n')
    out = tmp_path / "out.json"
    arguments = ("--pairs", pairs, "--subjects", "mkl", "--json", out)
    assert call(quality, *arguments, "--config", tmp_path / "mine.toml") == 0
    rows = json.loads(out.read_text())
    assert [set(row) for row in rows] == [{"subject", "pair", "edge_ssim", "gmsd"}] * 2
    assert "Gram" not in capsys.readouterr().out
    (tmp_path / "mine.toml").write_text('[metrics]\nmeasured = ["edge_sim"]\n')
    with pytest.raises(ConfigError, match="did you mean 'edge_ssim'"):
        call(quality, *arguments, "--config", tmp_path / "mine.toml")


@pytest.mark.weights
@pytest.mark.usefixtures("weights_folder")
def test_rows_on_standard_output_at_sides_cut_to_a_multiple(
    pairs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    arguments = ("--pairs", pairs, "--subjects", "content", "--json", "-", "--multiple-of", 32)
    with pytest.raises(ShapeError, match=r"pair 02: the image is 36x31 px .* multiples of 32"):
        call(quality, *arguments)
    capsys.readouterr()
    assert call(quality, *arguments[:-1], 31) == 0
    printed = capsys.readouterr()
    rows = json.loads(printed.out)
    assert [(row["pair"], row["ssim"]) for row in rows] == [("01", 1.0), ("02", 1.0)]
    assert rows[0]["size"].startswith("sides cut to multiples of 31 (bilinear), float")
    assert "[low, high]" in printed.err
    assert not (tmp_path / "-").exists()


@pytest.mark.weights
@pytest.mark.usefixtures("weights_folder")
def test_too_small_a_pair_is_an_error_that_names_it(pairs: Path, tmp_path: Path) -> None:
    save_random(pairs / "02_content.png", 30, 40)
    with pytest.raises(ShapeError, match=r"pair 02: .* at least 31x31 px, this one is 40x30"):
        call(quality, "--pairs", pairs, "--subjects", "mkl", "--json", tmp_path / "out.json")


@pytest.mark.parametrize(
    ("changes", "error", "message"),
    [
        ({"--json": "nowhere/out.json"}, OutputError, "does not exist"),
        ({"--pairs": "nowhere"}, ImageError, "does not exist"),
        ({"--subjects": "reinhardt"}, UnknownNameError, "did you mean 'reinhard'"),
        ({"--subjects": " , "}, ConfigError, "no subjects given"),
        ({"--subjects": "mobilenet_v1-full"}, ConfigError, "no quality"),
        ({"--transforms": "zac"}, UnknownNameError, "did you mean 'zca'"),
        ({"--multiple-of": "0"}, ConfigError, "1 or more, got 0"),
        ({"--device": "gpu"}, ConfigError, "device 'gpu' is not known"),
        ({"--device": "cuda:99"}, ConfigError, "not on this machine"),
    ],
)
def test_quality_refuses_bad_options_before_it_loads_a_network(
    pairs: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    changes: dict[str, str],
    error: type[PcakdError],
    message: str,
) -> None:
    monkeypatch.setattr("bench.quality.metrics.Metrics", None)  # calling it would raise TypeError
    monkeypatch.chdir(tmp_path)
    options = {"--pairs": str(pairs), "--subjects": "mkl", "--json": "out.json"} | changes
    with pytest.raises(error, match=message):
        call(quality, *(each for option in options.items() for each in option))


@pytest.mark.parametrize("role", ["content", "style"])
def test_a_broken_image_is_found_before_any_measurement(
    pairs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, role: str
) -> None:
    broken = pairs / f"02_{role}.png"
    broken.write_bytes(broken.read_bytes()[:-100])

    class Unused:
        def __init__(self, **options: object) -> None:
            del options

    monkeypatch.setattr("bench.quality.metrics.Metrics", Unused)  # measuring would fail
    with pytest.raises(ImageError, match=rf"pair 02: .*02_{role}\.png cannot be decoded"):
        call(quality, "--pairs", pairs, "--subjects", "mkl", "--json", tmp_path / "out.json")
    assert not (tmp_path / "out.json").exists()


def test_a_training_photograph_among_the_pairs_is_a_warning(
    pairs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    student = tmp_path / "mine.safetensors"
    save_student(student, create_student(StudentSpec(architecture="tiny", ranks=(2, 3, 4, 5))))
    digest = digest_file(pairs / "02_style.png")
    student.with_suffix(".json").write_text(json.dumps({"manifest": {"a.jpg": digest}}))
    monkeypatch.setattr("bench.quality.metrics.Metrics", lambda **options: None)
    monkeypatch.setattr("bench.quality.evaluation.evaluate_subjects", lambda *_, **__: [])
    call(quality, "--pairs", pairs, "--subjects", student, "--json", tmp_path / "out.json")
    first, second = capsys.readouterr().err.splitlines()
    assert first.startswith("bench: warning: ")
    assert "02_style.png is a.jpg of the training photographs of mine" in first
    assert second.startswith("bench: note: ")
    assert "by their files alone" in second


def test_an_image_is_not_replaced_by_rows(pairs: Path) -> None:
    photo = pairs / "01_content.png"
    before = photo.read_bytes()
    with pytest.raises(OutputError, match=r"exists and does not end in \.json"):
        call(quality, "--pairs", pairs, "--subjects", "mkl", "--json", photo)
    assert photo.read_bytes() == before


@pytest.mark.weights
@pytest.mark.usefixtures("weights_folder")
def test_an_output_that_is_not_finite_is_named(pairs: Path, tmp_path: Path) -> None:
    student = create_student(StudentSpec(architecture="tiny", ranks=(2, 3, 4, 5)))
    with torch.no_grad():
        next(student.parameters()).fill_(1e38)
    save_student(tmp_path / "wild.safetensors", student)
    subjects = f"{tmp_path}/wild.safetensors@adain"
    with pytest.raises(NumericalError, match=r"pair 01: subject wild@adain: .* not finite"):
        call(quality, "--pairs", pairs, "--subjects", subjects, "--json", tmp_path / "out.json")
