"""The largest images: bounds, out of memory, inference, files."""

import json

import pandas as pd
import pytest

from bench.records.store import append_record
from bench.report.common.summary import summarize
from bench.report.common.tables import to_latex
from bench.report.cost.largest_image import capacity_rows, console_text, largest_image_table
from bench.report.cost.section import make_section
from bench.report.render import render_report


@pytest.fixture
def rows(make_capacity):
    return [
        make_capacity("vgg16", {16: True, 130: True, 128: True, 132: False, 140: False}),
        make_capacity("tiny", {480: True}, reason="size asked for: nothing above"),
        make_capacity("slow", {16: True, 90: True}, reason="time budget: larger ones"),
        make_capacity("huge", {16: False}, status="oom", reason="256×144: took 9 GiB"),
        make_capacity("broken", {16: True, 80: None}, status="error", reason="1280×720: gears"),
        make_capacity("stuck", {16: None}, status="timeout", reason="256×144: took too long"),
    ]


def test_cells(rows):
    table = largest_image_table(summarize(rows)).cells.set_index("Subject")
    assert table.loc["vgg16"].to_dict() == {
        "Transform": "zca", "Largest image": "2080×1170", "Megapixels": "2.43",
        "Peak memory": "1.00 GiB", "Out of memory at": "2112×1188", "Limited by": "memory",
        "Trials": "5", "HD": "fits", "FHD": "fits", "QHD": "OOM", "4K": "OOM", "5K": "OOM",
        "8K": "OOM",
    }  # fmt: skip
    names = ["HD", "FHD", "QHD", "4K", "5K", "8K"]
    assert list(table["Largest image"]) == [
        "2080×1170", "≥ 7680×4320", "≥ 1440×810", "OOM", "≥ 256×144", "timeout",
    ]  # fmt: skip
    assert list(table["Limited by"]) == [
        "memory", "size asked for", "time budget", "memory", "error", "timeout",
    ]  # fmt: skip
    assert set(table.loc["tiny", names]) == {"fits"}
    assert list(table.loc["slow", names]) == ["fits", *5 * ["not tried"]]
    assert set(table.loc["huge", names]) == {"OOM"}
    assert set(table.loc["stuck", names]) == {"not tried"}
    assert not table.isin(["", "nan", "None", None]).any(axis=None)


def test_between_the_bounds_nothing_is_inferred(make_capacity):
    (row,) = capacity_rows(summarize([make_capacity(tried={119: True, 121: False})]))
    table = largest_image_table(summarize([make_capacity(tried={119: True, 121: False})])).cells
    assert row.largest == (1904, 1071)
    assert table.loc[0, ["HD", "FHD", "QHD"]].tolist() == ["fits", "not tried", "OOM"]


def test_section_gives_reasons_and_marks_inference(rows):
    section = make_section(summarize(rows)).text
    assert section.startswith("## Largest image within 2 GiB\n")
    assert "**inferred**" in section
    assert "- broken, 2 GiB: 1280×720: gears\n" in section
    assert "- vgg16" not in section


def test_other_records_have_no_section(records):
    assert "Largest image" not in make_section(summarize(records)).text
    assert largest_image_table(summarize(records)).cells.empty


def test_several_memories_get_a_column(make_capacity):
    tried = {80: True, 81: False}
    records = [make_capacity(tried=tried), make_capacity(tried=tried, memory_bytes=2**29)]
    table = largest_image_table(summarize(records)).cells
    assert list(table["Memory"]) == ["512 MiB", "2 GiB"]


def test_the_last_search_counts(make_capacity):
    first = make_capacity(tried={80: True, 81: False})
    other = make_capacity(tried={70: True, 71: False}, resolution="FHD", width=1920, height=1080)
    (row,) = capacity_rows(summarize([first, other]))
    assert row.largest == (1120, 630)


def test_a_folder_of_such_records_alone_renders(tmp_path, rows):
    for record in rows:
        append_record(tmp_path, record)
    text = render_report(tmp_path).read_text()
    assert "6 subjects" in text
    assert "## Overview" not in text
    names = {path.name for path in (tmp_path / "tables").iterdir()}
    assert names == {"largest-image.md", "largest-image.csv", "largest-image.tex"}
    data = pd.read_csv(tmp_path / "tables" / "largest-image.csv", dtype=str)
    assert data.loc[0, ["largest_pixels", "oom_width", "num_trials"]].tolist() == [
        "2433600", "2112", "5",
    ]  # fmt: skip
    assert "probes" not in data


def test_latex_has_the_sign_of_a_bound(rows):
    text = to_latex(largest_image_table(summarize(rows)).cells)
    assert r"$\geq$ 7680$\times$4320" in text


def test_console_and_json(rows, tmp_path):
    text = console_text(rows)
    assert text.startswith("Largest image within 2 GiB\n")
    assert "broken: 1280×720: gears" in text
    loaded = [row.numbers() for row in capacity_rows(summarize(rows))]
    assert json.loads(json.dumps(loaded)) == loaded
    assert loaded[0]["largest_pixels"] == 2080 * 1170
    assert loaded[0]["probes"][3] == {"width": 2112, "height": 1188, "fits": 0}
    assert loaded[3]["largest_width"] is None
    assert len(largest_image_table(summarize(rows)).data) == len(loaded) == 6
