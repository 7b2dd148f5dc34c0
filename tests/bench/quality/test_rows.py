import json
from dataclasses import replace
from pathlib import Path

import pytest

from bench.quality.rows import Row, render_means, write_rows
from pcakd.errors import OutputError

ROWS = [
    Row(subject="mkl", pair="01", gram=0.1, ssim=0.5, lpips=1 / 3, size="native"),
    Row(subject="mkl", pair="02", gram=0.3, ssim=0.7, lpips=1 / 3, size="native"),
    Row(subject="content", pair="01", gram=0.9, ssim=1.0, lpips=0.0, size="native"),
]


def test_rows_are_written_as_a_list_without_rounding(tmp_path: Path) -> None:
    write_rows(tmp_path / "out.json", ROWS)
    rows = json.loads((tmp_path / "out.json").read_text())
    values = {"gram": 0.1, "ssim": 0.5, "lpips": 1 / 3}
    assert rows[0] == {"subject": "mkl", "pair": "01", **values, "size": "native"}
    assert len(rows) == 3


def test_a_missing_parent_folder_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="does not exist"):
        write_rows(tmp_path / "nowhere" / "out.json", ROWS)


def test_means_are_shown_with_intervals_and_directions() -> None:
    many = [*ROWS[:2], *(replace(ROWS[n % 2], pair=f"0{n + 3}") for n in range(4)), ROWS[2]]
    lines = render_means(many).splitlines()
    assert lines[0].split() == ["subject", "image", "pairs", "Gram", "↓", "SSIM", "↑", "LPIPS", "↓"]
    assert lines[2].split() == [
        *("mkl", "6", "0.200", "[0.047,", "0.353]", "0.600", "[0.447,", "0.753]"),
        *("0.333", "[0.333,", "0.333]"),
    ]
    assert lines[3].split() == ["content", "1", "0.900", "1.000", "0.000"]


def test_metrics_that_a_subject_was_trained_on_are_marked() -> None:
    rows = [replace(ROWS[0], trained_metrics=("gram", "haarpsi")), ROWS[2]]
    mkl, content, explained, mark = render_means(rows).splitlines()[2:]
    assert mkl.split() == ["mkl", "1", "0.100", "‡", "0.500", "0.333"]
    assert "‡" not in content
    assert explained.endswith("it shows the variation between image pairs")
    assert mark == "‡: trained on the formula of this metric or a close relative"
    assert "‡" not in render_means(ROWS)


def test_marks_are_in_no_file(tmp_path: Path) -> None:
    write_rows(tmp_path / "out.json", [replace(ROWS[0], trained_metrics=("gram",))])
    (row,) = json.loads((tmp_path / "out.json").read_text())
    assert "trained_metrics" not in row
