"""``bench duplicates``: copies are listed, comparisons counted."""

import json

import pytest
from pictures import make_picture, reencode
from PIL import Image

from bench.cli import main


@pytest.fixture
def photos(tmp_path):
    for seed in range(3):
        make_picture(seed).save(tmp_path / f"{seed}.png")
    reencode(make_picture(1)).save(tmp_path / "copy.jpg")
    Image.new("RGB", (40, 40), "red").save(tmp_path / "flat.png")
    return tmp_path


def test_copies_are_listed_and_distances_counted(photos, capsys):
    record = photos / "record.json"
    assert main(["duplicates", str(photos), "--copies", "--json", str(record)]) == 0
    first, second, *copies = capsys.readouterr().out.splitlines()
    assert first.startswith(f"{photos / '1.png'} {photos / 'copy.jpg'}: ")
    assert second.startswith("4 pictures, 1 more of one colour; 1 of 6 comparisons differ in at")
    assert len(copies) == 7
    assert all("of 1 pictures" in line for line in copies)
    assert "copies (mirrored) of 1 pictures: at most 0 bits, 0 missed" in copies
    found = json.loads(record.read_text())
    counts = [found[name] for name in ("num_pictures", "num_plain", "num_comparisons")]
    assert counts == [4, 1, 6]
    ((*paths, distance),) = found["alike"]
    assert paths == [str(photos / "1.png"), str(photos / "copy.jpg")]
    assert distance == found["least_distance"] <= found["most_distance"]
    mirrored = {"num_pictures": 1, "largest_distance": 0, "num_missed": 0}
    assert found["copies"]["mirrored"] == mirrored
    assert {"commit", "dirty", "environment"} < {*found}


def test_a_missing_folder_is_one_line(tmp_path, capsys):
    assert main(["duplicates", str(tmp_path / "none")]) == 2
    assert "does not exist" in capsys.readouterr().err
