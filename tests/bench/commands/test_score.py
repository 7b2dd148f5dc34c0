"""`bench score`: metric values of results in a folder."""

import json
from pathlib import Path

import pytest
from quality_inputs import call, save_random

from bench.commands import quality, score
from pcakd.errors import (
    ConfigError,
    ShapeError,
)

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
