"""``bench duplicates``: copies are listed, comparisons counted."""

import json
from pathlib import Path

import pytest
from pictures import make_picture, reencode
from PIL import Image

from bench.cli import main

ROOT = Path(__file__).parents[3]


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


def test_the_documentation_states_the_committed_record():
    path = ROOT / "reports" / "duplicates" / "photographs.json"
    found = json.loads(path.read_text(encoding="utf-8"))
    assert (found["dirty"], found["alike"]) == (False, [])
    bound = 1 - 0.05 ** (1 / found["num_comparisons"])  # 95 %, for no event at all
    copies = found["copies"]
    (num_copied,) = {kind["num_pictures"] for kind in copies.values()}
    assert all(kind["num_missed"] == 0 for kind in copies.values())
    bits = {name: kind["largest_distance"] for name, kind in copies.items()}
    least = max(bits["JPEG of quality 40"], bits["half the size"], bits["twice the size"])
    assert bits["mirrored"] <= least
    stated = " ".join((ROOT / "docs" / "measurement.md").read_text(encoding="utf-8").split())
    assert (
        f"on {found['num_pictures']:,} photographs ([record](../reports/duplicates/"
        f"photographs.json)): none of {found['num_comparisons']:,} comparisons is a false alarm "
        f"(95 % upper bound {bound * 1e6:.0f} in a million; the least distance is "
        f"{found['least_distance']}). Of {num_copied} photographs all copies are found: mirrored, "
        f"JPEG of quality 40, half and twice the size (at most {least} bits), 64 px wide "
        f"({bits['64 pixels wide']}), half the size and JPEG "
        f"({bits['half the size, JPEG of quality 40']}), cropped by 2 % a side "
        f"({bits['cropped by 2 % a side']})."
    ) in stated
