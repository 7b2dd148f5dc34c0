"""The table of costs: labels, raw numbers, predictions of out of memory."""

import io

import pandas as pd
import pytest

from bench.report.common.summary import summarize
from bench.report.common.tables import to_csv
from bench.report.cost.tables import cost_table
from bench.report.overview.tables import overview_table


def test_what_was_not_measured_is_labelled(records):
    table = cost_table(summarize(records)).cells.set_index(["Subject", "Resolution"])
    assert table.loc[("vgg16", "4K 3840×2160"), "Median ms"] == "≈ 90.0"
    assert table.loc[("vgg16", "4K 3840×2160"), "Peak memory"] == "≈ 2.50 GiB"
    assert table.loc[("vgg16", "4K 3840×2160"), "Status"] == "predicted"
    assert table.loc[("vgg19-full", "HD 1280×720"), "Median ms"] == "oom"
    assert table.loc[("vgg19-full", "FHD 1920×1080"), "Peak memory"] == "timeout"


def test_flops_are_twice_the_multiply_adds(records):
    data = cost_table(summarize(records)).data
    assert (data["flops_total"] == 2 * data["macs_total"]).all()


def test_csv_keeps_whole_numbers_and_full_precision(records, make_cost):
    table = cost_table(summarize([*records, make_cost("odd", latency_ns=[1_234_567])]))
    back = pd.read_csv(io.StringIO(to_csv(table.data)), dtype=str)
    odd = back[back["subject"] == "odd"].iloc[0]
    assert odd["num_params"] == "1000"
    assert odd["latency_median_ms"] == "1.234567"


def test_a_percentile_needs_samples(make_cost):
    few, enough = (
        make_cost(name, latency_ns=[10**6 * n for n in range(1, count + 1)])
        for name, count in (("few", 5), ("enough", 6))
    )
    table = cost_table(summarize([few, enough]))
    cells, data = table.cells.set_index("Subject"), table.data.set_index("subject")
    assert cells["p95 ms"].to_dict() == {"few": "—", "enough": "5.75"}
    assert data.loc["few", "latency_p95_ms"] is None
    assert data.loc["enough", "latency_p95_ms"] == pytest.approx(5.75)


@pytest.mark.parametrize(("gibibytes", "words"), [(32, "≈ OOM"), (15.5, "≈ OOM"), (14, "≈ OOM?")])
def test_out_of_memory_is_predicted_in_words(make_cost, gibibytes, words):
    record = make_cost(
        status="predicted",
        predicted_latency_ns=9_000_000,
        predicted_peak_bytes=int(gibibytes * 2**30),
        environment={"memory_bytes": 2**34},
        config={"memory_fraction": 0.75},
    )
    (cells,) = cost_table(summarize([record])).cells.to_dict("records")
    assert (cells["Median ms"], cells["Peak memory"]) == (words, f"≈ {gibibytes:.1f} GiB")
    overview = overview_table(summarize([record]))
    assert overview.cells.loc[0, "HD ms"] == words
    assert ("by at most 25 %" in overview.note) == words.endswith("?")


@pytest.mark.parametrize(
    ("macs", "uncounted", "cell"),
    [
        (0, {"match_histograms": 1}, "not counted"),
        (2_000_000, {"regrain": 1, "clone": 2}, "≥ 2.00 M"),
        (2_000_000, {"clone": 2}, "2.00 M"),
        (0, {"clone": 1}, "0"),
    ],
)
def test_uncounted_operators_are_not_a_silent_zero(make_cost, macs, uncounted, cell):
    record = make_cost(macs_total=macs, uncounted=uncounted)
    assert cost_table(summarize([record])).cells.loc[0, "MACs"] == cell
