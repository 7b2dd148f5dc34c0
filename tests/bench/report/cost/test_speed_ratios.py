"""The table of speed ratios from interleaved measurements."""

import io

import pandas as pd
import pytest

from bench.records.store import append_record
from bench.report.common.summary import summarize
from bench.report.common.tables import to_csv
from bench.report.cost.section import make_section
from bench.report.cost.speed_ratios import speed_ratio_table
from bench.report.render import render_report


def test_rows_say_ratio_interval_and_the_separate_one(make_pair, make_ratio, make_cost):
    costs = [make_cost(), make_cost("mobilenet_v1", latency_ns=[4_000_000] * 3)]
    records = [*costs, *make_ratio(), make_pair("vgg16", "content")]
    table = speed_ratio_table(summarize(records)).cells
    first, second = table.to_dict("records")
    assert first == {
        "A": "vgg16 · zca", "B": "mobilenet_v1 · zca", "Resolution": "HD", "A ms": "200",
        "B ms": "100", "A / B": "2.00×", "[low, high]": "[1.92, 2.08]", "Separate runs": "2.75×",
        "Processes": "3", "Rounds": "18", "Status": "ok",
    }  # fmt: skip
    assert (second["[low, high]"], second["Separate runs"]) == ("—", "—")


def test_failures_fill_their_cells_and_are_listed(make_pair, make_cost):
    summary = summarize([make_cost(), make_pair(status="timeout", reason="too slow")])
    (row,) = speed_ratio_table(summary).cells.to_dict("records")
    assert {row[name] for name in ("A ms", "B ms", "A / B", "[low, high]", "Status")} == {"timeout"}
    assert row["Rounds"] == "0"
    (numbers,) = speed_ratio_table(summary).data.to_dict("records")
    assert (numbers["ratio"], numbers["reason"]) == (None, "too slow")


def test_raw_numbers_keep_their_precision(make_ratio):
    summary = summarize(make_ratio(latency_ns=[300] * 6, threads=3))
    text = to_csv(speed_ratio_table(summary).data)
    (row,) = pd.read_csv(io.StringIO(text), dtype=str).to_dict("records")
    assert (row["latency_median_ms"], row["other_latency_median_ms"]) == ("0.0003", "100.0")
    assert float(row["ratio"]) == float(row["ratio_low"]) == pytest.approx(3e-6)
    assert (row["num_rounds"], row["threads"]) == ("18", "3")


def test_subjects_of_one_name_and_machines_are_distinguished(make_pair):
    pair = make_pair("vgg16", "vgg16", other_hash="f" * 64, subject_hash="e" * 64)
    table = speed_ratio_table(summarize([pair, make_pair(device_name="Other CPU")])).cells
    assert table["A"].iloc[0] == "vgg16 (eeeeee) · zca"
    assert table["B"].iloc[0] == "vgg16 (ffffff) · zca"
    assert list(table["Machine"]) == ["A", "B"]


def test_a_folder_of_one_speed_ratio_gives_a_page(tmp_path, make_pair):
    append_record(tmp_path, make_pair(ratio=4.0))
    text = render_report(tmp_path).read_text()
    assert "1 speed ratio, measured" in text
    assert "## Speed ratios" in text
    assert "## Overview" not in text
    names = {path.name for path in (tmp_path / "tables").iterdir()}
    assert {"speed-ratios.md", "speed-ratios.csv", "speed-ratios.tex"} <= names


def test_pages_without_speed_ratios_have_no_such_section(make_cost):
    assert "Speed ratios" not in make_section(summarize([make_cost()])).text
