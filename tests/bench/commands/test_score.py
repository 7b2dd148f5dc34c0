"""`pcakd-bench score`: metric values of results in a folder."""

import json
from pathlib import Path

import pytest
from quality_inputs import call, save_random

from bench.commands import quality, score
from pcakd.errors import ConfigError, ImageError, ShapeError

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
def test_score_agrees_with_quality_and_is_named_by_the_folder(
    pairs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    results = tmp_path / "unchanged"
    results.mkdir()
    (results / "02.png").write_bytes((pairs / "02_content.png").read_bytes())
    one, other = tmp_path / "quality.json", tmp_path / "score.json"
    call(quality, "--pairs", pairs, "--subjects", "content", "--json", one)
    assert call(score, "--pairs", pairs, "--results", results, "--json", other) == 0
    expected = json.loads(one.read_text())[1] | {"subject": "unchanged"}
    assert json.loads(other.read_text()) == [expected]
    assert "no result for 01" in capsys.readouterr().err


@pytest.mark.weights
@pytest.mark.usefixtures("weights_folder")
@pytest.mark.parametrize(
    ("size", "message"),
    [((33, 40), "pair 01: the output is 40x33 px and its content 33x40"), ((30, 30), "pair 01")],
)
def test_a_result_of_another_size_is_an_error_and_writes_nothing(
    pairs: Path, tmp_path: Path, size: tuple[int, int], message: str
) -> None:
    results = tmp_path / "results"
    results.mkdir()
    save_random(results / "01.png", *size)
    with pytest.raises(ShapeError, match=message):
        call(score, "--pairs", pairs, "--results", results, "--json", tmp_path / "out.json")
    assert not (tmp_path / "out.json").exists()


def test_score_refuses_results_that_match_no_pair(pairs: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no results in"):
        call(score, "--pairs", pairs, "--results", pairs, "--json", tmp_path / "out.json")


@pytest.fixture
def truth(tmp_path: Path) -> Path:
    """Return a folder of ground truth beside a folder `mine` of outputs of the same names."""
    for seed, folder in enumerate(("truth", "mine")):
        (tmp_path / folder).mkdir()
        for name in ("a", "b"):
            save_random(tmp_path / folder / f"{name}.png", 33, 40, seed)
    return tmp_path / "truth"


@pytest.mark.weights
@pytest.mark.usefixtures("weights_folder")
def test_outputs_are_scored_against_ground_truth(
    truth: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "mine" / "b.png").write_bytes((truth / "b.png").read_bytes())
    arguments = ("--results", tmp_path / "mine", "--reference", truth)
    assert call(score, *arguments, "--json", tmp_path / "out.json") == 0
    first, second = json.loads((tmp_path / "out.json").read_text())
    assert first.keys() == {"subject", "image", "psnr", "ssim", "lpips", "histogram_correlation"}
    assert (first["subject"], first["image"]) == ("mine", "a")
    assert 5 < first["psnr"] < 10  # uniform noise: 10 log10 6 = 7.8
    assert (second["psnr"], second["ssim"], second["lpips"]) == (None, 1, 0)
    assert "; 1 equal" in capsys.readouterr().out
    assert call(score, *arguments) == 0


@pytest.mark.parametrize(
    ("break_it", "error", "message"),
    [
        (lambda mine: (mine / "a.png").unlink(), ConfigError, "truth has a, .*mine has not"),
        (lambda mine: save_random(mine / "c.png", 33, 40), ConfigError, "mine has c, .* has not"),
        (lambda mine: save_random(mine / "a.jpg", 33, 40), ConfigError, "two files for one image"),
        (
            lambda mine: save_random(mine / "b.png", 40, 33),
            ShapeError,
            "is 33x40 px and .*40x33",
        ),
        (lambda mine: (mine / "b.png").write_text("x"), ImageError, "b.png"),
    ],
)
def test_what_does_not_match_the_ground_truth_is_one_line_before_anything_is_computed(
    truth: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, break_it, error, message
) -> None:
    monkeypatch.setattr("bench.quality.reference.Metrics", None)  # calling it would raise TypeError
    break_it(tmp_path / "mine")
    with pytest.raises(error, match=message) as caught:
        call(score, "--results", tmp_path / "mine", "--reference", truth)
    assert "\n" not in str(caught.value)


def test_too_small_an_image_has_no_lpips(truth: Path, tmp_path: Path) -> None:
    for folder in (truth, tmp_path / "mine"):
        save_random(folder / "a.png", 30, 40)
    with pytest.raises(ShapeError, match="is 40x30 px, LPIPS needs at least 31x31"):
        call(score, "--results", tmp_path / "mine", "--reference", truth)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ((), "either --pairs .* or --reference"),
        (("--pairs", "truth", "--reference", "truth"), "either --pairs .* or --reference"),
        (("--reference", "truth", "--out", "run"), "a run folder has no ground truth"),
        (("--reference", "truth", "--json", "a.json", "--trained-metrics", "gram"), "for --pairs"),
    ],
)
def test_ground_truth_takes_the_place_of_image_pairs(
    tmp_path: Path, options: tuple[str, ...], message: str
) -> None:
    with pytest.raises(ConfigError, match=message):
        call(score, "--results", tmp_path, *options)
