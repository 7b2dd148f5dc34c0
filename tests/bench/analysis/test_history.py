"""A figure over commits: joined records, separate machines, change points."""

from dataclasses import replace

import numpy as np
import pytest

from bench.analysis.history import collect_history, find_change_points


def at(record, commit, day, **changes):
    return replace(record, commit=commit * 40, created=f"2026-01-{day:02d}", **changes)


def test_a_line_has_a_point_for_each_commit_in_the_order_of_time(make_cost):
    records = [
        at(make_cost("vgg16", latency_ns=[30]), "b", 2),
        at(make_cost("vgg16", latency_ns=[10]), "a", 1),
        at(make_cost("vgg16", latency_ns=[20]), "a", 1, repeat=1),
        at(make_cost("mkl", latency_ns=[5]), "b", 2),
    ]
    lines = {line.subject: line for line in collect_history(records, "latency")}
    assert [point.commit for point in lines["vgg16"].points] == ["aaaaaaa", "bbbbbbb"]
    assert [point.interval.value for point in lines["vgg16"].points] == [15, 30]
    assert lines["vgg16"].points[0].interval.count == 2
    assert len(lines["mkl"].points) == 1
    (only,) = collect_history(records, "latency", subjects=["mkl"])
    assert only.subject == "mkl"
    assert collect_history(records, "latency", resolution="8K") == []


def test_machines_have_lines_of_their_own(make_cost):
    record = make_cost("vgg16", latency_ns=[10])
    other = replace(record, case=replace(record.case, device_name="another"))
    lines = collect_history([at(record, "a", 1), at(other, "b", 2)], "latency")
    assert len(lines) == 2
    assert len({line.machine for line in lines}) == 2


def test_metrics_are_means_over_image_pairs(make_quality):
    records = [
        at(make_quality("vgg16", pair=f"{number:02d}", ssim=0.1 * number), "a", 1)
        for number in range(1, 7)
    ]
    (line,) = collect_history(records, "ssim")
    (point,) = line.points
    assert point.interval.value == pytest.approx(0.35)
    assert point.interval.ends is not None


@pytest.mark.parametrize("place", [2, 5, 10, 18])
@pytest.mark.parametrize("change", [0.1, -0.2])
def test_a_step_is_found_where_it_is(place, change):
    rng = np.random.default_rng(place)
    values = np.exp(0.01 * rng.standard_normal(20))
    values[place:] *= 1 + change
    assert find_change_points(values.tolist()) == [place]


def test_noise_has_few_change_points():
    rng = np.random.default_rng(0)
    found = [
        find_change_points(np.exp(0.03 * rng.standard_normal(20)).tolist()) for _ in range(100)
    ]
    assert sum(map(bool, found)) <= 15


@pytest.mark.parametrize("values", [[1.0], [1.0, 2.0, 3.0], [1.0, 0.0, 1.0, 2.0, 2.0]])
def test_few_values_have_none(values):
    assert find_change_points(values) == []
