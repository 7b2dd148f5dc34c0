"""The plot of trade-off curves."""

import pytest

from bench.report.common.figures import encode_figure
from bench.report.common.summary import summarize
from bench.report.curves.plot import CURVES_PLOT, curves_plots


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
