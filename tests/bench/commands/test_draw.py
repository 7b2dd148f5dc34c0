import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from bench.cli import main
from bench.quality.draw import draw_pairs, find_most_similar
from bench.quality.pairs import find_pairs
from pcakd.backbones import create_backbone


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder of five dark and five bright images."""
    folder = tmp_path_factory.mktemp("photos")
    rng = np.random.default_rng(0)
    for index in range(10):
        level = 40 + 140 * (index % 2)
        pixels = rng.integers(level, level + 40, (48, 64, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(folder / f"{index}.png")
    return folder


def test_pairs_are_copied_and_half_of_them_alike(
    photos: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    output = tmp_path / "pairs"
    options = ["--photos", str(photos), "-o", str(output), "--backbone", "tiny", "--count", "5"]
    assert main(["draw", *options]) == 0
    pairs = find_pairs(output)
    assert len(pairs) == 5
    lines = capsys.readouterr().out.splitlines()
    assert (output / "PAIRS.txt").read_text(encoding="utf-8").splitlines() == lines
    for number, (pair, line) in enumerate(zip(pairs, lines, strict=True)):
        _, content, style, kind = line.split()
        assert kind == ("(any)" if number % 2 else "(alike)")
        assert pair.content.read_bytes() == (photos / content).read_bytes()
        assert pair.style.read_bytes() == (photos / style).read_bytes()
        if kind == "(alike)":  # dark to dark, bright to bright
            assert int(content[0]) % 2 == int(style[0]) % 2
            assert content != style


def test_a_seed_decides_the_draw(photos: Path) -> None:
    backbone = create_backbone("tiny")
    first, again, other = (draw_pairs(photos, backbone, count=5, seed=seed) for seed in (1, 1, 2))
    assert first == again != other
    contents = [pair.content for pair in first]
    assert len({*contents}) == 5
    assert not {*contents} & {pair.style for pair in first if not pair.similar}


@given(st.integers(2, 9), st.integers(1, 4), st.integers(0, 99))
def test_the_nearest_is_never_the_photograph_itself(rows: int, columns: int, seed: int) -> None:
    descriptions = torch.randn(rows, columns, generator=torch.Generator().manual_seed(seed))
    nearest = find_most_similar(descriptions)
    assert all(other != row for row, other in enumerate(nearest))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--count", "6"], "has 10 photographs, too few for 6 image pairs; give 12 or draw fewer"),
        (["--count", "0"], "must be at least 1, got 0"),
        (["--backbone", "tinny"], "did you mean 'tiny'?"),
        (["--photos", "nowhere"], "nowhere does not exist"),
    ],
)
def test_what_cannot_be_drawn_is_said_in_one_line(
    photos: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    options: list[str],
    message: str,
) -> None:
    output = tmp_path / "pairs"
    whole = ["--photos", str(photos), "-o", str(output), "--backbone", "tiny", *options]
    assert main(["draw", *whole]) == 2
    assert message in capsys.readouterr().err
    assert not output.exists()


def test_a_seed_is_one_of_numpy_and_torch(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        main(["draw", "--photos", "photos", "-o", "pairs", "--seed", str(1 << 64)])
    assert "is not between 0 and 4294967295" in capsys.readouterr().err


@pytest.mark.parametrize("here", [True, False])
def test_an_empty_folder_is_filled(
    photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, here: bool
) -> None:
    output = tmp_path / "pairs"
    output.mkdir()
    monkeypatch.chdir(output)
    place = "." if here else str(output)
    options = ["--photos", str(photos), "-o", place, "--backbone", "tiny", "--count", "2"]
    assert main(["draw", *options]) == 0
    assert len(find_pairs(output)) == 2
    assert len([*output.iterdir()]) == 5
    assert [*tmp_path.iterdir()] == [output]
    assert Path.cwd().samefile(output)


def test_nothing_is_added_to_a_folder_in_use(
    photos: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    output = shutil.copytree(photos, tmp_path / "pairs")
    options = ["--photos", str(photos), "-o", str(output), "--backbone", "tiny", "--count", "2"]
    assert main(["draw", *options]) == 2
    assert "is not empty; give another folder" in capsys.readouterr().err
    assert len([*output.iterdir()]) == 10


def test_small_photographs_are_an_error_and_nothing_is_left(
    photos: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    small = shutil.copytree(photos, tmp_path / "photos")
    for path in small.iterdir():
        with Image.open(path) as image:
            image.resize((16, 16)).save(path)
    output = tmp_path / "pairs"
    options = ["--photos", str(small), "-o", str(output), "--backbone", "tiny", "--count", "3"]
    assert main(["draw", *options]) == 2
    assert "the content would be measured at 16x16 px" in capsys.readouterr().err
    assert [*tmp_path.iterdir()] == [small]


def test_a_full_disk_leaves_nothing(
    photos: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def fail(path: Path, content: bytes) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", fail)
    output = tmp_path / "pairs"
    options = ["--photos", str(photos), "-o", str(output), "--backbone", "tiny", "--count", "3"]
    assert main(["draw", *options]) == 2
    assert f"cannot write {output}: No space left on device" in capsys.readouterr().err
    assert not [*tmp_path.iterdir()]
