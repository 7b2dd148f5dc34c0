"""Which subjects stand in a plot, and with whose cost."""

import doctest

import pytest

from bench.report.common.summary import summarize
from bench.report.common.tables import cost_table, overview_table, quality_table
from bench.report.gallery import draw_plots
from bench.report.page import write_page
from bench.report.pareto import points
from bench.report.pareto.points import choose_resolution, latency_points, quality_points
from bench.report.render import console_table

OUTSIDE = {"config": {"outputs": "files", "quality_max_side": 512}, "transform": "none"}


def test_examples_in_docstrings():
    assert doctest.testmod(points).failed == 0


@pytest.fixture
def joined(make_cost, make_quality):
    """Return the records of a run whose peer has scores under one name and costs under another."""
    return [
        make_cost("vgg16"),
        make_cost("photowct2", latency_ns=[90_000_000] * 3, num_params=7_010_959),
        make_quality("vgg16"),
        make_quality("photowct2", pair=None, status="untrained", reason="seeded weights"),
        make_quality("photowct2-vgg16", cost_subject="photowct2", gram=0.3, ssim=0.6),
        make_quality("photowct2-vgg16", cost_subject="photowct2", transform="ot", gram=0.4),
    ]


def test_a_subject_without_cost_stands_at_that_of_the_subject_it_names(joined):
    summary = summarize(joined)
    vgg, peer = latency_points(summary, "gram", "HD")
    assert (vgg.name, vgg.cost_subject) == ("vgg16 · zca", None)
    assert peer.name == "photowct2-vgg16 · zca (VGG-16; cost: photowct2, VGG-19)"
    assert (peer.x.value, peer.y.value) == (90.0, 0.3)
    names = [point.name for point in quality_points(summary, "ssim", "gram")]
    assert names == ["vgg16 · zca", "photowct2-vgg16 · zca", "photowct2-vgg16 · ot"]


def test_a_cost_of_its_own_comes_before_that_of_another(joined, make_cost):
    summary = summarize([*joined, make_cost("photowct2-vgg16", latency_ns=[50_000_000] * 3)])
    peer = latency_points(summary, "gram", "HD")[-1]
    assert (peer.name, peer.x.value) == ("photowct2-vgg16 · zca", 50.0)
    assert "†" not in console_table(summary.records)


def test_a_cost_that_nobody_measured_joins_nothing(joined):
    summary = summarize([record for record in joined if record.case.subject != "photowct2"])
    assert [point.subject for point in latency_points(summary, "gram", "HD")] == ["vgg16"]


def test_joined_costs_count_where_the_resolution_is_chosen(joined, make_cost):
    fhd = {"resolution": "FHD", "width": 1920, "height": 1080}
    only_vgg = [*joined, make_cost("vgg16", **fhd)]
    assert choose_resolution(summarize(only_vgg)).resolution == "HD"
    assert choose_resolution(summarize([*only_vgg, make_cost("photowct2", **fhd)])).width == 1920


def test_joined_points_are_hollow_and_say_so(joined):
    plots = {plot.name: plot for plot in draw_plots(summarize(joined))}
    plot = plots["latency-gram"]
    (axes,) = plot.figure.axes
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
    assert "Hollow: photowct2-vgg16 · zca at the latency of photowct2: its scores" in plot.caption
    assert "VGG-16 encoder" in plot.caption
    assert "VGG-19 encoder" in plot.caption
    assert "No latency was measured there for photowct2-vgg16 · ot." in plot.caption
    assert "Hollow" not in plots["style-ssim"].caption


def test_the_overview_marks_costs_of_another_subject(joined):
    summary = summarize(joined)
    table = overview_table(summary).set_index(["Subject", "Transform"])
    row = table.loc[("photowct2-vgg16", "zca")]
    assert (row["Parameters"], row["HD ms"], row["Gram ↓"]) == ("7,010,959 †", "90.0 †", "0.300")
    assert table.loc[("photowct2-vgg16", "ot")]["HD ms"] == "—"
    assert table.loc[("photowct2", "zca")]["HD ms"] == "90.0"
    note = "† cost of another subject: photowct2-vgg16 has that of photowct2"
    assert note in write_page(summary, [], has_examples=False)
    assert note in console_table(joined)


def test_an_outside_subject_has_a_place_in_quality_plots_only(make_cost, make_quality):
    summary = summarize([make_cost(), make_quality(), make_quality("tool", gram=0.9, **OUTSIDE)])
    plots = {plot.name: plot for plot in draw_plots(summary)}
    assert "Outputs made elsewhere, read from files: tool." in plots["style-lpips"].caption
    assert plots["latency-lpips"].caption.endswith("Without a cost: tool.")
    row = overview_table(summary).set_index("Subject").loc["tool"]
    assert (row["Parameters"], row["HD ms"], row["Gram ↓"]) == ("—", "—", "0.900")


def test_only_outside_subjects_make_a_report(make_quality):
    one = make_quality("tool", **OUTSIDE)
    other = make_quality("app", device_name="Other CPU", **OUTSIDE)
    summary = summarize([one, other, make_quality("app", pair="02", status="error", **OUTSIDE)])
    assert summary.comparable
    assert {plot.name for plot in draw_plots(summary)} == {"style-ssim", "style-lpips"}
    assert list(quality_table(summary)["Status"]) == ["ok", "ok; error: 1"]
    assert cost_table(summary).empty
    text = write_page(summary, [], has_examples=True)
    assert "outputs made elsewhere are not shown" in text
    assert "read from image files, without any cost: `tool`, `app`." in text


def test_outside_scores_of_another_machine_do_not_part_a_run(make_cost, make_quality):
    outside = make_quality("tool", device_name="Other CPU", **OUTSIDE)
    assert summarize([make_cost(), make_quality(), outside]).comparable
    several = summarize([make_cost(), make_cost(device_name="Third CPU"), outside])
    assert not several.comparable
    assert set(overview_table(several)["Machine"]) == {"A", "B", "C"}


def test_outputs_made_smaller_are_counted(make_quality):
    config = {"outputs": "files", "quality_max_side": 512, "made_smaller": True}
    small = make_quality("tool", pair="02", **OUTSIDE)
    text = write_page(
        summarize([make_quality("tool", config=config, transform="none"), small]),
        [],
        has_examples=False,
    )
    assert "`tool` (1 of 2 were of native size and made smaller with their pairs)" in text


def test_mixed_protocols_are_told(make_quality):
    native = {"gram": "gram/1; native size, float output, no guided filter"}
    files = {"gram": "gram/1; native size, outputs read from image files"}
    other = {"gram": "gram/1; at most 512 px a side, float output, no guided filter"}
    same = [make_quality(protocol=native), make_quality("tool", protocol=files, **OUTSIDE)]
    assert "several protocols" not in console_table(same)
    mixed = [*same, make_quality("mkl", protocol=other)]
    assert "Gram scores are by several protocols" in console_table(mixed)
