"""The points of Pareto plots, their captions, and costs of another subject."""

import pytest

from bench.report.common.summary import summarize
from bench.report.cost.tables import cost_table
from bench.report.overview.tables import overview_table
from bench.report.page import make_sections, write_page
from bench.report.pareto.points import choose_resolution, latency_points, quality_points
from bench.report.pareto.section import pareto_plots
from bench.report.quality.tables import quality_table
from bench.report.render import console_table

EXTERNAL = {"config": {"outputs": "files", "quality_max_side": 512}, "transform": "none"}


def page_of(summary):
    return write_page(summary, make_sections(summary))


@pytest.fixture
def borrowed(make_cost, make_quality):
    """Return the records of a run whose peer has its metrics and its cost under two names."""
    return [
        make_cost("vgg16"),
        make_cost("photowct2", latency_ns=[90_000_000] * 3, num_params=7_010_959),
        make_quality("vgg16"),
        make_quality("photowct2", pair=None, status="untrained", reason="seeded weights"),
        make_quality("photowct2-vgg16", cost_subject="photowct2", gram=0.3, ssim=0.6),
        make_quality("photowct2-vgg16", cost_subject="photowct2", transform="ot", gram=0.4),
    ]


def test_a_subject_without_cost_is_shown_at_that_of_the_subject_it_names(borrowed):
    summary = summarize(borrowed)
    vgg, peer = latency_points(summary, "gram", "HD")
    assert (vgg.name, vgg.cost_subject) == ("vgg16 · zca", None)
    assert peer.name == "photowct2-vgg16 · zca (VGG-16; cost: photowct2, VGG-19)"
    assert (peer.x.value, peer.y.value) == (90.0, 0.3)
    names = [point.name for point in quality_points(summary, "ssim", "gram")]
    assert names == ["vgg16 · zca", "photowct2-vgg16 · zca", "photowct2-vgg16 · ot"]


def test_an_own_cost_is_preferred(borrowed, make_cost):
    summary = summarize([*borrowed, make_cost("photowct2-vgg16", latency_ns=[50_000_000] * 3)])
    peer = latency_points(summary, "gram", "HD")[-1]
    assert (peer.name, peer.x.value) == ("photowct2-vgg16 · zca", 50.0)
    assert "†" not in console_table(summary.records)


def test_a_cost_that_was_not_measured_gives_no_point(borrowed):
    summary = summarize([record for record in borrowed if record.case.subject != "photowct2"])
    assert [point.subject for point in latency_points(summary, "gram", "HD")] == ["vgg16"]


def test_borrowed_costs_count_where_the_resolution_is_chosen(borrowed, make_cost):
    fhd = {"resolution": "FHD", "width": 1920, "height": 1080}
    only_vgg = [*borrowed, make_cost("vgg16", **fhd)]
    assert choose_resolution(summarize(only_vgg)).resolution == "HD"
    assert choose_resolution(summarize([*only_vgg, make_cost("photowct2", **fhd)])).width == 1920


def test_borrowed_points_are_hollow_and_say_so(borrowed):
    plots = {plot.name: plot for plot in pareto_plots(summarize(borrowed))}
    plot = plots["latency-gram"]
    (axes,) = plot.draw().axes
    faces = {
        float(line.get_xdata()[0]): line.get_markerfacecolor()
        for line in axes.get_lines()
        if line.get_marker() == "o" and len(line.get_xdata()) == 1
    }
    assert faces[90.0] == "white"
    assert faces[11.0] != "white"
    assert "photowct2-vgg16 · zca (VGG-16; cost: photowct2, VGG-19)" in {
        text.get_text() for text in axes.texts
    }
    assert "Hollow: photowct2-vgg16 · zca at the latency of photowct2: its metric" in plot.caption
    assert "VGG-16 encoder" in plot.caption
    assert "VGG-19 encoder" in plot.caption
    assert "Not shown, latency not measured: photowct2-vgg16 · ot." in plot.caption
    assert "Hollow" not in plots["style-ssim"].caption


def test_the_overview_marks_costs_of_another_subject(borrowed):
    summary = summarize(borrowed)
    table = overview_table(summary).cells.set_index(["Subject", "Transform"])
    row = table.loc[("photowct2-vgg16", "zca")]
    assert (row["Parameters"], row["HD ms"], row["Gram ↓"]) == ("7,010,959 †", "90.0 †", "0.300")
    assert table.loc[("photowct2-vgg16", "ot")]["HD ms"] == "—"
    assert table.loc[("photowct2", "zca")]["HD ms"] == "90.0"
    note = "† cost of another subject: photowct2-vgg16 has that of photowct2"
    assert note in page_of(summary)
    assert note in console_table(borrowed)


def test_external_results_are_in_quality_plots_only(make_cost, make_quality):
    summary = summarize([make_cost(), make_quality(), make_quality("tool", gram=0.9, **EXTERNAL)])
    plots = {plot.name: plot for plot in pareto_plots(summary)}
    assert "External results, read from files: tool." in plots["style-lpips"].caption
    assert plots["latency-lpips"].caption.endswith("external results without latency: tool.")
    row = overview_table(summary).cells.set_index("Subject").loc["tool"]
    assert (row["Parameters"], row["HD ms"], row["Gram ↓"]) == ("—", "—", "0.900")


def test_external_results_alone_make_a_report(make_quality):
    one = make_quality("tool", **EXTERNAL)
    other = make_quality("app", device_name="Other CPU", **EXTERNAL)
    summary = summarize([one, other, make_quality("app", pair="02", status="error", **EXTERNAL)])
    assert summary.comparable
    assert {plot.name for plot in pareto_plots(summary)} == {"style-ssim", "style-lpips"}
    assert list(quality_table(summary).cells["Status"]) == ["ok", "ok; error: 1"]
    assert cost_table(summary).cells.empty
    assert "read from image files and without a cost: `tool`, `app`." in page_of(summary)


def test_external_results_of_another_machine_compare(make_cost, make_quality):
    external = make_quality("tool", device_name="Other CPU", **EXTERNAL)
    assert summarize([make_cost(), make_quality(), external]).comparable
    several = summarize([make_cost(), make_cost(device_name="Third CPU"), external])
    assert not several.comparable
    assert set(overview_table(several).cells["Machine"]) == {"A", "B", "C"}


def test_outputs_made_smaller_are_counted(make_quality):
    config = {"outputs": "files", "quality_max_side": 512, "made_smaller": True}
    small = make_quality("tool", pair="02", **EXTERNAL)
    text = page_of(summarize([make_quality("tool", config=config, transform="none"), small]))
    assert "`tool` (1 of 2 had native size and were made smaller with their image pairs)" in text


def test_mixed_protocols_are_noted(make_quality):
    native = {"gram": "gram/1; native size, float output, no guided filter"}
    files = {"gram": "gram/1; native size, outputs read from image files"}
    other = {"gram": "gram/1; at most 512 px a side, float output, no guided filter"}
    same = [make_quality(protocol=native), make_quality("tool", protocol=files, **EXTERNAL)]
    assert "several protocols" not in console_table(same)
    mixed = [*same, make_quality("mkl", protocol=other)]
    assert "The values of Gram follow several protocols" in console_table(mixed)
