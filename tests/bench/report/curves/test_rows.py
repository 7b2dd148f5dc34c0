"""Points of trade-off curves."""

import pytest

from bench.report.common.summary import summarize
from bench.report.curves.rows import curve_rows


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
