"""Where the time goes: shares and bounds; tables, a plot, a section."""

import os
from pathlib import Path

import pytest

from bench.records.store import append_record
from bench.report.breakdown.plot import draw_stages
from bench.report.breakdown.rows import stage_rows
from bench.report.breakdown.section import stages_section
from bench.report.breakdown.tables import speedup_data, speedup_table, stages_data, stages_table
from bench.report.common.data import to_csv
from bench.report.common.summary import summarize
from bench.report.common.tables import to_latex, to_markdown
from bench.report.render import render_report

GOLDEN = Path(__file__).parents[1] / "golden"


def row_of(records, subject="vgg16"):
    return next(row for row in stage_rows(summarize(records)) if row.subject == subject)


def test_shares_leave_the_filter_out(make_stages):
    row = row_of([make_stages()])
    assert row.watched_ns == 100_000_000
    assert row.share("encode") == 0.6
    assert row.share("filter") is None
    assert sum(row.share(stage) for stage in row.stages if stage != "filter") == pytest.approx(1.0)
    assert row.convolution_share == 0.9
    assert row.bound == pytest.approx(10.0)
    assert row.watching == pytest.approx(1 / 9)


def test_rates_and_intensities(make_stages):
    work = row_of([make_stages()]).convolutions
    assert (work.latency_ns, work.macs, work.bytes) == (90_000_000, 4_000_000_000, 900_000_000)
    assert work.macs_per_second == pytest.approx(4e9 / 0.09)
    assert work.macs_per_byte == pytest.approx(4 / 0.9)


def test_a_colour_transfer_has_a_rate_and_no_bound(pair):
    row = row_of(pair, "reinhard")
    assert row.convolutions is row.convolution_share is row.bound is None
    assert row.has_rate("transform")
    assert not row_of(pair).has_rate("transform")  # tiles fold it away


@pytest.mark.parametrize("name", ["stages.md", "stages.tex", "speedup.tex", "speedup.csv"])
def test_text_is_the_golden_one(pair, make_stages, name):
    failed = make_stages("mobilenet_v1", status="oom", reason="needed more than 2 GiB")
    summary = summarize([*pair, failed])
    text = {
        "stages.md": stages_section(summary, draw_stages(summary)),
        "stages.tex": to_latex(stages_table(summary)),
        "speedup.tex": to_latex(speedup_table(summary)),
        "speedup.csv": to_csv(speedup_data(summary)),
    }[name]
    if os.environ.get("PCAKD_UPDATE_GOLDEN"):
        (GOLDEN / name).write_text(text)
    assert text == (GOLDEN / name).read_text()


def test_every_cell_says_something(pair, make_stages):
    summary = summarize([*pair, make_stages("mobilenet_v1", status="timeout", reason="slow")])
    for table in (stages_table(summary), speedup_table(summary)):
        assert not table.isin(["", "nan", "None", None]).any(axis=None)
        assert not table.isna().any(axis=None)
        assert to_markdown(table)


def test_raw_numbers_are_whole(pair):
    data = stages_data(summarize(pair)).set_index(["subject", "stage"])
    assert data.loc[("vgg16", "encode"), "latency_median_ns"] == 60_000_000
    assert data.loc[("vgg16", "filter"), "macs"] is None
    assert data.loc[("vgg16", "transform"), "macs_per_second"] is None


def test_counts_beside_work_that_is_only_named_are_lower_bounds(make_stages):
    stages = {
        "transform": {"latency_ns": 9, "macs": 3_000_000, "bytes": 2**20, "opaque": 1},
        "other": {"latency_ns": 1, "macs": 0, "bytes": 2**10},
    }
    record = make_stages("idt-regrain", transform="none", stages=stages)
    cells = stages_table(summarize([record])).set_index("Stage")
    assert cells.loc["transform", ["MACs", "Bytes"]].tolist() == ["≥ 3.00 M", "≥ 1.00 MiB"]
    assert cells.loc["transform", ["MACs/s", "MACs/byte"]].tolist() == ["—", "—"]
    assert cells.loc["other", ["MACs", "Bytes"]].tolist() == ["0", "1.00 KiB"]
    data = stages_data(summarize([record])).set_index("stage")
    assert data["lower_bounds"].tolist() == [True, False]
    assert data.loc["transform", "macs_per_second"] is None
    stages["transform"] |= {"macs": 0, "bytes": 0}
    cells = stages_table(summarize([make_stages("histogram", stages=stages)])).set_index("Stage")
    assert cells.loc["transform", ["MACs", "Bytes"]].tolist() == ["not counted"] * 2


def test_the_filters_counts_are_no_rate(make_stages):
    stages = {
        "transform": {"latency_ns": 9, "macs": 3, "bytes": 4},
        "filter": {"latency_ns": 5, "macs": 6, "bytes": 7},
    }
    cells = stages_table(summarize([make_stages(stages=stages)])).set_index("Stage")
    assert cells.loc["filter (optional)", ["MACs", "MACs/s"]].tolist() == ["6.00", "—"]


def test_a_bar_for_each_subject_of_the_most_frequent_size(pair, make_stages):
    fhd = make_stages(resolution="FHD", width=1920, height=1080)
    (plot,) = draw_stages(summarize([*pair, fhd]))
    (axes,) = plot.figure.axes
    labels = [label.get_text() for label in axes.get_yticklabels()]
    assert labels == ["vgg16", "vgg19-full", "reinhard"]
    texts = [text.get_text() for text in axes.texts]
    assert texts[:4] == ["60 %", "8 %", "30 %", "90.0 ms"]
    assert "HD 1280×720" in plot.caption


def test_nothing_is_drawn_or_explained_across_machines(pair, make_stages):
    summary = summarize([*pair, make_stages(device_name="Other CPU")])
    assert draw_stages(summary) == []
    section = stages_section(summary, [])
    assert "Machine" in section
    assert "nothing but" not in section


def test_a_report_without_stages_has_no_section(make_cost):
    summary = summarize([make_cost()])
    assert stages_section(summary, []) == ""
    assert draw_stages(summary) == []


def test_a_report_of_stages_alone(tmp_path, make_stages, make_cost):
    append_record(tmp_path, make_stages())
    text = render_report(tmp_path).read_text()
    assert "## Where the time goes" in text
    assert "plots/stages.png" in text
    assert {path.name for path in (tmp_path / "plots").iterdir()} == {"stages.png", "stages.svg"}
    names = {path.name for path in (tmp_path / "tables").iterdir()}
    assert names >= {"stages.md", "stages.csv", "stages.tex", "speedup.md", "speedup.csv"}

    (tmp_path / "records.jsonl").unlink()
    append_record(tmp_path, make_cost())
    assert "Where the time goes" not in render_report(tmp_path).read_text()
    assert not (tmp_path / "plots" / "stages.png").exists()
