from pathlib import Path

import pytest

from bench.quality.pairs import find_others, find_pairs, find_results
from pcakd.errors import ConfigError, ImageError


def touch(folder: Path, *names: str) -> Path:
    folder.mkdir(exist_ok=True)
    for name in names:
        (folder / name).touch()
    return folder


def test_pairs_come_in_order_of_their_names(tmp_path: Path) -> None:
    folder = touch(
        tmp_path,
        *("10_style.png", "10_content.JPG", "02_content.webp", "02_style.jpg"),
        *("CREDITS.md", "sheet.png", "02_content.txt", "._02_content.jpg"),
    )
    pairs = find_pairs(folder)
    assert [pair.name for pair in pairs] == ["02", "10"]
    assert pairs[1].content == folder / "10_content.JPG"
    assert pairs[1].style == folder / "10_style.png"


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (["01_content.jpg"], "01_content.jpg but no 01_style"),
        (["01_content.jpg", "01_style.jpg", "02_style.jpg"], "02_style.jpg but no 02_content"),
        (["01_content.jpg", "01_content.png", "01_style.jpg"], "two files for one image"),
        (["photo.jpg"], "no image pairs in .*NN_content"),
    ],
)
def test_what_is_wrong_with_a_folder_is_said(
    tmp_path: Path, names: list[str], message: str
) -> None:
    with pytest.raises(ConfigError, match=message):
        find_pairs(touch(tmp_path, *names))


def test_a_missing_or_empty_folder_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ImageError, match="does not exist"):
        find_pairs(tmp_path / "nowhere")
    with pytest.raises(ImageError, match="holds no image"):
        find_pairs(tmp_path)


def test_results_are_found_by_the_names_of_the_pairs(tmp_path: Path) -> None:
    folder = touch(tmp_path, "01.png", "03.jpg", "sheet.png", "1.png")
    assert find_results(folder, ["01", "02", "03"]) == {
        "01": folder / "01.png",
        "03": folder / "03.jpg",
    }
    assert find_others(folder, {"01": folder / "01.png"}) == ["03.jpg", "1.png", "sheet.png"]


def test_results_that_match_nothing_or_twice_are_errors(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no results in"):
        find_results(touch(tmp_path, "1.png"), ["01", "02"])
    with pytest.raises(ConfigError, match=r"01\.jpg and 01\.png"):
        find_results(touch(tmp_path, "01.png", "01.jpg"), ["01"])
