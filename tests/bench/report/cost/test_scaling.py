"""The plot of latency against resolution."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st
from matplotlib.text import Text

from bench.report.common.summary import summarize
from bench.report.cost.scaling import _spread, draw_scaling


@given(st.lists(st.floats(0, 100), min_size=1, max_size=8))
def test_names_do_not_overlap_and_keep_their_order(heights):
    places = _spread(heights, 11.0)
    by_height = sorted(range(len(heights)), key=lambda index: heights[index])
    ordered = [places[index] for index in by_height]
    assert all(b - a >= 11.0 - 1e-6 for a, b in pairwise(ordered))


@given(st.lists(st.integers(0, 9), min_size=1, max_size=8, unique=True))
def test_names_without_overlap_do_not_move(steps):
    heights = [12.0 * step for step in steps]
    assert _spread(heights, 11.0) == heights


def test_each_line_is_named_and_ends_where_memory_runs_out(make_cost):
    records = [
        make_cost("a"),
        make_cost(
            "a", "8K", 7680, 4320, status="predicted", predicted_latency_ns=10**9,
            predicted_peak_bytes=2**40, environment={"memory_bytes": 2**34},
            config={"memory_fraction": 0.75},
        ),
        make_cost("b"),
        make_cost("b", "8K", 7680, 4320, status="timeout", reason="slow"),
    ]  # fmt: skip
    (axes,) = draw_scaling(summarize(records)).axes
    assert sorted(text.get_text() for text in axes.texts) == ["a", "b", "× timeout"]


def test_long_names_fit_beside_the_axes(make_cost):
    name = "a_student_with_a_long_name+int8"
    figure = draw_scaling(summarize([make_cost(name), make_cost(name, "8K", 7680, 4320)]))
    figure.canvas.draw()
    (axes,) = figure.axes
    (text,) = (each for each in axes.texts if each.get_text() == name)
    box = Text.get_window_extent(text)  # without its line
    assert axes.get_window_extent().x1 < box.x0 < box.x1 <= figure.bbox.x1
