"""Trade-off curves of style against content: points, a table, a plot, a section."""

import pytest

from bench.claims.check import has_evidence
from bench.records.store import append_record
from bench.report.common.figures import encode_figure
from bench.report.common.summary import summarize
from bench.report.curves.plot import CURVES_PLOT, curves_plots
from bench.report.curves.rows import curve_rows
from bench.report.curves.section import make_section
from bench.report.curves.tables import curves_table
from bench.report.render import console_table, render_report


@pytest.fixture
def curves(make_curve):
    """Two students on two pairs: three strengths and two other λ."""
    records = []
    for subject, lead in (("vgg16", 0.0), ("mobilenet_v1", 0.1)):
        for pair, shift in (("01", 0.0), ("02", 0.02)):
            for strength in (1.0, 0.5, 0.25):
                metrics = {
                    "gram": 0.9 + lead - 0.3 * strength + shift, "ssim": 0.95 - 0.2 * strength,
                    "lpips": 0.1 + 0.2 * strength,
                }  # fmt: skip
                records.append(make_curve(subject, pair, strength=strength, **metrics))
            for multiple, away in ((10.0, 0.1), (0.1, -0.12)):
                metrics = {
                    "gram": 0.6 + lead + away + shift, "ssim": 0.75 + 0.7 * away,
                    "lpips": 0.3 - 0.6 * away,
                }  # fmt: skip
                records.append(make_curve(subject, pair, regularizer=multiple, **metrics))
    return records


def test_points_are_in_order_and_means_are_over_image_pairs(curves):
    rows = curve_rows(summarize(curves))
    assert [(r.quality.subject, r.strength, r.multiple) for r in rows[:5]] == [
        ("vgg16", 0.25, 1.0),
        ("vgg16", 0.5, 1.0),
        ("vgg16", 1.0, 1.0),
        ("vgg16", 1.0, 0.1),
        ("vgg16", 1.0, 10.0),
    ]
    assert [row.is_default for row in rows[:5]] == [False, False, True, False, False]
    assert rows[2].quality.metrics["gram"].value == pytest.approx(0.61)
    assert rows[2].quality.num_image_pairs == 2


def test_texts_are_the_golden_ones(curves, make_curve, check_golden):
    failed = make_curve("vgg16", "01", regularizer=100.0, status="error", reason="broken")
    section = make_section(summarize([*curves, failed]))
    check_golden("curves-section.md", section.text)
    (table,) = section.tables
    for name, text in table.files().items():
        check_golden(name, text)


def test_each_student_has_two_lines_that_meet(curves):
    (plot,) = curves_plots(summarize(curves))
    assert plot.name == CURVES_PLOT
    figure = plot.draw()
    left, right = figure.axes
    solid, dashed = left.lines[0], left.lines[1]
    assert [round(x, 3) for x in solid.get_xdata()] == [0.9, 0.85, 0.75]
    assert [round(x, 3) for x in dashed.get_xdata()] == [0.666, 0.75, 0.82]
    assert (solid.get_linestyle(), dashed.get_linestyle()) == ("-", "--")
    texts = [text.get_text() for text in left.texts]
    assert texts == ["s = 0.25", "λ × 0.1", "λ × 10"] * 2
    assert [text.get_text() for text in right.texts] == texts
    (legend,) = figure.legends
    assert [text.get_text() for text in legend.get_texts()] == [
        "vgg16 · zca", "mobilenet_v1 · zca", "over strength s, at the student's own λ",
        "over λ, at s = 1", "default setting",
    ]  # fmt: skip


def test_same_records_give_the_same_bytes(curves):
    for kind in ("png", "svg"):
        first, second = (curves_plots(summarize(curves))[0].draw() for _ in range(2))
        assert encode_figure(first, kind) == encode_figure(second, kind)


def test_points_with_fewer_image_pairs_are_named_and_not_drawn(curves):
    cut = [r for r in curves if (r.case.subject, r.case.regularizer, r.case.pair)
           != ("vgg16", 10.0, "02")]  # fmt: skip
    (plot,) = curves_plots(summarize(cut))
    assert plot.caption.endswith("pairs are missing: vgg16 · zca at λ × 10 (1 of 2 image pairs).")
    assert [round(x, 3) for x in plot.draw().axes[0].lines[1].get_xdata()] == [0.666, 0.75]


@pytest.mark.parametrize("change", [{"gram": None}, {"lpips": None}])
def test_a_missing_metric_leaves_a_point_out(make_curve, change):
    records = [make_curve(strength=1.0), make_curve(strength=0.5, **change)]
    (plot,) = curves_plots(summarize(records))
    assert encode_figure(plot.draw(), "png")


def test_a_single_point_is_drawn(make_curve):
    (plot,) = curves_plots(summarize([make_curve(regularizer=1.0)]))
    assert "means over 1 image pair" in plot.draw().axes[0].get_title(loc="left")
    assert encode_figure(plot.draw(), "png")


def test_nothing_is_drawn_across_machines_or_of_failures(curves, make_curve):
    other = make_curve(strength=1.0, device_name="Other CPU")
    summary = summarize([*curves, other])
    assert curves_plots(summary) == []
    assert "| A" in make_section(summary).text
    failed = summarize([make_curve(strength=1.0, status="error", reason="broken")])
    assert curves_plots(failed) == []
    assert "error: 1" in make_section(failed).text


def test_curves_change_no_other_table_and_are_no_evidence(tmp_path, curves, make_quality):
    plain, both = tmp_path / "plain", tmp_path / "both"
    for folder, records in ((plain, []), (both, curves)):
        folder.mkdir()
        for record in [make_quality(), make_quality("mkl"), *records]:
            append_record(folder, record)
        render_report(folder)
    for path in (plain / "tables").iterdir():
        assert path.read_bytes() == (both / "tables" / path.name).read_bytes()
    more = {path.name for path in (both / "tables").iterdir()} - {
        path.name for path in (plain / "tables").iterdir()
    }
    assert more == {"curves.md", "curves.csv", "curves.tex"}
    assert not has_evidence(curves)


def test_curves_of_further_trainings_are_in_the_table_alone(curves, make_curve, make_quality):
    further = [make_curve("vgg16-seed1", strength=1.0), make_quality("vgg16-seed1")]
    summary = summarize([*curves, make_quality("vgg16"), *further])
    (plot,) = curves_plots(summary)
    labels = [text.get_text() for text in plot.draw().legends[0].get_texts()]
    assert "vgg16-seed1" not in " ".join([plot.caption, *labels])
    assert "vgg16-seed1" in set(curves_table(summary).cells["Subject"])


def test_a_report_of_curves_alone(tmp_path, curves, make_cost, make_curve):
    failed = make_curve("vgg16", "01", regularizer=100.0, status="error", reason="broken")
    for record in [*curves, failed]:
        append_record(tmp_path, record)
    text = render_report(tmp_path).read_text()
    assert "2 subjects, 2 image pairs, measured" in text
    assert "![Trade-off between style and content](plots/curves.png)" in text
    assert "- **error** (broken): vgg16 at λ × 100 on image pair 01" in text
    assert console_table(curves)
    (tmp_path / "records.jsonl").unlink()
    append_record(tmp_path, make_cost())
    assert "Trade-off" not in render_report(tmp_path).read_text()
    assert not (tmp_path / "plots" / "curves.png").exists()
