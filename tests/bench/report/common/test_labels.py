"""Labels stay apart, inside the axes, and near their points."""

from hypothesis import given, settings
from hypothesis import strategies as st

from bench.report.common.labels import Box, LabelLayout, _crosses, place_labels

FRAME = Box(left=0, bottom=0, right=800, top=500)
places = st.tuples(st.integers(40, 760), st.integers(40, 460)).map(
    lambda p: (float(p[0]), float(p[1]))
)


def marks(points, radius=4.0):
    return [
        Box(left=x - radius, bottom=y - radius, right=x + radius, top=y + radius) for x, y in points
    ]


@settings(max_examples=30, deadline=None)
@given(st.lists(places, max_size=6))
def test_few_labels_never_overlap(points):
    sizes = [(60.0, 12.0)] * len(points)
    boxes = place_labels(sizes, LabelLayout(points=points, obstacles=[], frame=FRAME))
    assert all(box.outside(FRAME) < 1e-6 for box in boxes)
    assert all(a.overlap(b) < 1e-6 for i, a in enumerate(boxes) for b in boxes[:i])


def test_three_points_in_one_place_get_three_places_beside_the_mark():
    points = [(400.0, 250.0)] * 3
    boxes = place_labels(
        [(60.0, 12.0)] * 3, LabelLayout(points=points, obstacles=marks(points), frame=FRAME)
    )
    assert len(set(boxes)) == 3
    assert all(box.overlap(mark) == 0 for box in boxes for mark in marks(points))


def test_a_label_in_the_corner_stays_inside():
    layout = LabelLayout(points=[(798.0, 498.0)], obstacles=[], frame=FRAME)
    (box,) = place_labels([(60.0, 12.0)], layout)
    assert box.outside(FRAME) == 0


@settings(max_examples=30, deadline=None)
@given(st.lists(places, min_size=2, max_size=6, unique=True))
def test_the_lines_of_few_labels_do_not_cross(points):
    layout = LabelLayout(points=points, obstacles=marks(points), frame=FRAME)
    boxes = place_labels([(60.0, 12.0)] * len(points), layout)
    lines = [(point, box.centre) for point, box in zip(points, boxes, strict=True)]
    assert not any(_crosses(*a, *b) for i, a in enumerate(lines) for b in lines[:i])


def test_a_crowd_gets_lines_that_do_not_cross():
    points = [(400.0 + 9 * (i % 3), 250.0 + 11 * (i // 3)) for i in range(6)]
    layout = LabelLayout(points=points, obstacles=marks(points), frame=FRAME)
    boxes = place_labels([(90.0, 12.0)] * 6, layout)
    lines = [(point, box.centre) for point, box in zip(points, boxes, strict=True)]
    assert not any(_crosses(*a, *b) for i, a in enumerate(lines) for b in lines[:i])
    assert all(a.overlap(b) < 1e-6 for i, a in enumerate(boxes) for b in boxes[:i])


def test_a_bar_is_covered_sooner_than_a_mark():
    bar = Box(left=0, bottom=245, right=800, top=255)
    layout = LabelLayout(
        points=[(400.0, 250.0)], obstacles=marks([(400.0, 250.0)]), soft=[bar], frame=FRAME
    )
    (box,) = place_labels([(60.0, 12.0)], layout)
    assert box.overlap(bar) == 0
    assert box.gap((400.0, 250.0)) < 20
