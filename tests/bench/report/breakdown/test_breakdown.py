"""The time breakdown: shares and bounds; tables, a plot, a section."""

import pytest

from bench.records.store import append_record
from bench.report.breakdown.plot import breakdown_plots
from bench.report.breakdown.rows import breakdown_rows
from bench.report.breakdown.section import make_section
from bench.report.breakdown.tables import breakdown_table, speedup_table
from bench.report.common.summary import summarize
from bench.report.common.tables import to_markdown
from bench.report.render import render_report


def create_row(records, subject="vgg16"):
    return next(row for row in breakdown_rows(summarize(records)) if row.subject == subject)


def test_shares_leave_the_filter_out(make_stages):
    row = create_row([make_stages()])
    assert row.instrumented_ns == 100_000_000
    assert row.share("encode") == 0.6
    assert row.share("filter") is None
    shares = [row.share(section) for section in row.sections if section != "filter"]
    assert sum(shares) == pytest.approx(1.0)
    assert row.convolution_share == 0.9
    assert row.bound == pytest.approx(10.0)
    assert row.timer_overhead == pytest.approx(1 / 9)


def test_rates_and_intensities(make_stages):
    work = create_row([make_stages()]).convolutions
    assert (work.latency_ns, work.macs, work.bytes) == (90_000_000, 4_000_000_000, 900_000_000)
    assert work.macs_per_second == pytest.approx(4e9 / 0.09)
    assert work.macs_per_byte == pytest.approx(4 / 0.9)


def test_a_colour_transfer_has_a_rate_and_no_bound(compared):
    row = create_row(compared, "reinhard")
    assert row.convolutions is row.convolution_share is row.bound is None
    assert row.has_rate("transform")
    assert not create_row(compared).has_rate("transform")  # tiles fold it away


def test_texts_are_the_golden_ones(compared, make_stages, check_golden):
    failed = make_stages("mobilenet_v1", status="oom", reason="needed more than 2 GiB")
    section = make_section(summarize([*compared, failed]))
    check_golden("time-breakdown-section.md", section.text)
    for table in section.tables:
        for name, text in table.files().items():
            check_golden(name, text)


def test_every_cell_has_text(compared, make_stages):
    summary = summarize([*compared, make_stages("mobilenet_v1", status="timeout", reason="slow")])
    for table in (breakdown_table(summary).cells, speedup_table(summary).cells):
        assert not table.isin(["", "nan", "None", None]).any(axis=None)
        assert not table.isna().any(axis=None)
        assert to_markdown(table)


def test_raw_numbers_are_whole(compared):
    data = breakdown_table(summarize(compared)).data.set_index(["subject", "section"])
    assert data.loc[("vgg16", "encode"), "latency_median_ns"] == 60_000_000
    assert data.loc[("vgg16", "filter"), "macs"] is None
    assert data.loc[("vgg16", "transform"), "macs_per_second"] is None


def test_counts_with_uncounted_operators_are_lower_bounds(make_stages):
    stages = {
        "transform": {"latency_ns": 9, "macs": 3_000_000, "bytes": 2**20, "opaque": 1},
        "other": {"latency_ns": 1, "macs": 0, "bytes": 2**10},
    }
    record = make_stages("idt-regrain", transform="none", stages=stages)
    table = breakdown_table(summarize([record]))
    cells = table.cells.set_index("Section")
    assert cells.loc["transform", ["MACs", "Bytes"]].tolist() == ["≥ 3.00 M", "≥ 1.00 MiB"]
    assert cells.loc["transform", ["MACs/s", "MACs/byte"]].tolist() == ["—", "—"]
    assert cells.loc["other", ["MACs", "Bytes"]].tolist() == ["0", "1.00 KiB"]
    data = table.data.set_index("section")
    assert data["lower_bounds"].tolist() == [True, False]
    assert data.loc["transform", "macs_per_second"] is None
    stages["transform"] |= {"macs": 0, "bytes": 0}
    record = make_stages("histogram", stages=stages)
    cells = breakdown_table(summarize([record])).cells.set_index("Section")
    assert cells.loc["transform", ["MACs", "Bytes"]].tolist() == ["not counted"] * 2


def test_the_filter_has_counts_and_no_rate(make_stages):
    stages = {
        "transform": {"latency_ns": 9, "macs": 3, "bytes": 4},
        "filter": {"latency_ns": 5, "macs": 6, "bytes": 7},
    }
    table = breakdown_table(summarize([make_stages(stages=stages)]))
    cells = table.cells.set_index("Section")
    assert cells.loc["filter (optional)", ["MACs", "MACs/s"]].tolist() == ["6.00", "—"]


def test_a_bar_for_each_subject_of_the_most_frequent_size(compared, make_stages):
    fhd = make_stages(resolution="FHD", width=1920, height=1080)
    (plot,) = breakdown_plots(summarize([*compared, fhd]))
    (axes,) = plot.draw().axes
    labels = [label.get_text() for label in axes.get_yticklabels()]
    assert labels == ["vgg16", "vgg19-full", "reinhard"]
    texts = [text.get_text() for text in axes.texts]
    assert texts[:4] == ["60 %", "8 %", "30 %", "90.0 ms"]
    assert "HD 1280×720" in plot.caption


def test_nothing_is_drawn_or_explained_across_machines(compared, make_stages):
    section = make_section(summarize([*compared, make_stages(device_name="Other CPU")]))
    assert section.plots == ()
    assert "Machine" in section.text
    assert "as fast as `vgg19-full`" not in section.text


def test_a_report_without_time_breakdowns_has_no_section(make_cost):
    assert make_section(summarize([make_cost()])).text == ""


def test_a_report_of_time_breakdowns_alone(tmp_path, make_stages, make_cost):
    append_record(tmp_path, make_stages())
    text = render_report(tmp_path).read_text()
    assert "## Time breakdown" in text
    assert "plots/time-breakdown.png" in text
    plots = {path.name for path in (tmp_path / "plots").iterdir()}
    assert plots == {"time-breakdown.png", "time-breakdown.svg"}
    names = {path.name for path in (tmp_path / "tables").iterdir()}
    assert names == {
        f"{name}{end}" for name in ("time-breakdown", "speedup") for end in (".md", ".csv", ".tex")
    }

    (tmp_path / "records.jsonl").unlink()
    append_record(tmp_path, make_cost())
    assert "Time breakdown" not in render_report(tmp_path).read_text()
    assert not (tmp_path / "plots" / "time-breakdown.png").exists()
    assert not (tmp_path / "tables" / "speedup.csv").exists()
