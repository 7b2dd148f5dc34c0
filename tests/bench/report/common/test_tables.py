"""Report text against committed golden files; PCAKD_UPDATE_GOLDEN=1 writes them anew."""

import io
import os
from pathlib import Path

import pandas as pd
import pytest

from bench.report.common.data import cost_data, quality_data, to_csv
from bench.report.common.summary import summarize
from bench.report.common.tables import (
    cost_table,
    overview_table,
    quality_table,
    to_latex,
    to_markdown,
)
from bench.report.gallery import Plot
from bench.report.page import write_page
from bench.report.render import console_table

GOLDEN = Path(__file__).parents[1] / "golden"


def texts(records):
    summary = summarize(records)
    plot = Plot(name="style-ssim", title="A plot", caption="What it shows.", figure=None)
    return {
        "README.md": write_page(summary, [plot], has_examples=True),
        "overview.tex": to_latex(overview_table(summary)),
        "quality.tex": to_latex(quality_table(summary)),
        "cost.csv": to_csv(cost_data(summary)),
        "quality.csv": to_csv(quality_data(summary)),
        "console.txt": console_table(records) + "\n",
    }


@pytest.mark.parametrize(
    "name", ["README.md", "overview.tex", "quality.tex", "cost.csv", "quality.csv", "console.txt"]
)
def test_text_is_the_golden_one(records, name):
    text = texts(records)[name]
    if os.environ.get("PCAKD_UPDATE_GOLDEN"):
        GOLDEN.mkdir(exist_ok=True)
        (GOLDEN / name).write_text(text)
    assert text == (GOLDEN / name).read_text()


def test_every_cell_says_something(records):
    summary = summarize(records)
    for table in (cost_table(summary), quality_table(summary), overview_table(summary)):
        assert not table.isin(["", "nan", "None", None]).any(axis=None)


def test_what_was_not_measured_is_labelled(records):
    table = cost_table(summarize(records)).set_index(["Subject", "Resolution"])
    assert table.loc[("vgg16", "4K 3840×2160"), "Median ms"] == "≈ 90.0"
    assert table.loc[("vgg16", "4K 3840×2160"), "Peak memory"] == "≈ 2.50 GiB"
    assert table.loc[("vgg16", "4K 3840×2160"), "Status"] == "predicted"
    assert table.loc[("vgg19-full", "HD 1280×720"), "Median ms"] == "oom"
    assert table.loc[("vgg19-full", "FHD 1920×1080"), "Peak memory"] == "timeout"


def test_flops_are_twice_the_multiply_adds(records):
    data = cost_data(summarize(records))
    assert (data["flops_total"] == 2 * data["macs_total"]).all()


def test_csv_keeps_whole_numbers_and_full_precision(records, make_cost):
    rows = summarize([*records, make_cost("odd", latency_ns=[1_234_567])])
    back = pd.read_csv(io.StringIO(to_csv(cost_data(rows))), dtype=str)
    odd = back[back["subject"] == "odd"].iloc[0]
    assert odd["num_params"] == "1000"
    assert odd["latency_median_ms"] == "1.234567"


def test_a_percentile_needs_samples(make_cost):
    few, enough = (
        make_cost(name, latency_ns=[10**6 * n for n in range(1, count + 1)])
        for name, count in (("few", 5), ("enough", 6))
    )
    table = cost_table(summarize([few, enough])).set_index("Subject")
    assert table["p95 ms"].to_dict() == {"few": "—", "enough": "5.75"}
    data = cost_data(summarize([few, enough])).set_index("subject")
    assert data.loc["few", "latency_p95_ms"] is None
    assert data.loc["enough", "latency_p95_ms"] == pytest.approx(5.75)


@pytest.mark.parametrize(("gibibytes", "words"), [(32, "≈ OOM"), (15.5, "≈ OOM"), (14, "≈ OOM?")])
def test_want_of_memory_is_predicted_in_words(make_cost, gibibytes, words):
    record = make_cost(
        status="predicted",
        predicted_latency_ns=9_000_000,
        predicted_peak_bytes=int(gibibytes * 2**30),
        environment={"memory_bytes": 2**34},
        config={"memory_fraction": 0.75},
    )
    (cells,) = cost_table(summarize([record])).to_dict("records")
    assert (cells["Median ms"], cells["Peak memory"]) == (words, f"≈ {gibibytes:.1f} GiB")
    assert overview_table(summarize([record])).loc[0, "HD ms"] == words
    page = write_page(summarize([record]), [], has_examples=False)
    assert ("by at most 25 %" in page) == words.endswith("?")


@pytest.mark.parametrize(
    ("macs", "uncounted", "cell"),
    [
        (0, {"match_histograms": 1}, "not counted"),
        (2_000_000, {"regrain": 1, "clone": 2}, "≥ 2.00 M"),
        (2_000_000, {"clone": 2}, "2.00 M"),
        (0, {"clone": 1}, "0"),
    ],
)
def test_work_that_is_only_named_is_no_silent_zero(make_cost, macs, uncounted, cell):
    record = make_cost(macs_total=macs, uncounted=uncounted)
    assert cost_table(summarize([record])).loc[0, "MACs"] == cell


def test_hostile_names_cannot_break_a_table(make_cost):
    table = overview_table(summarize([make_cost("a|b_{c}%&\\input{x}")]))
    assert "a\\|b" in to_markdown(table)
    latex = to_latex(table)
    assert r"a|b\_\{c\}\%\&\textbackslash{}input\{x\}" in latex


def test_machines_get_a_column(records, make_cost):
    summary = summarize([*records, make_cost(device_name="Other CPU")])
    assert set(cost_table(summary)["Machine"]) == {"A", "B"}
    assert "not comparable" in console_table([*records, make_cost(device_name="Other CPU")])
