"""Labels stay apart, inside the axes, and near their points."""

from hypothesis import given
from hypothesis import strategies as st

from bench.report.labels import Box, place_labels

FRAME = Box(left=0, bottom=0, right=800, top=500)
places = st.tuples(st.integers(40, 760), st.integers(40, 460)).map(
    lambda p: (float(p[0]), float(p[1]))
)


def marks(points, radius=4.0):
    return [
        Box(left=x - radius, bottom=y - radius, right=x + radius, top=y + radius) for x, y in points
    ]


@given(st.lists(places, max_size=6))
def test_few_labels_never_overlap(points):
    sizes = [(60.0, 12.0)] * len(points)
    boxes = place_labels(points, sizes, obstacles=[], frame=FRAME)
    assert all(box.outside(FRAME) < 1e-6 for box in boxes)
    assert all(a.overlap(b) < 1e-6 for i, a in enumerate(boxes) for b in boxes[:i])


def test_three_points_in_one_place_get_three_places_beside_the_mark():
    points = [(400.0, 250.0)] * 3
    boxes = place_labels(points, [(60.0, 12.0)] * 3, obstacles=marks(points), frame=FRAME)
    assert len(set(boxes)) == 3
    assert all(box.overlap(mark) == 0 for box in boxes for mark in marks(points))


def test_a_label_in_the_corner_stays_inside():
    (box,) = place_labels([(798.0, 498.0)], [(60.0, 12.0)], obstacles=[], frame=FRAME)
    assert box.outside(FRAME) == 0
