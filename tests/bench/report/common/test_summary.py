"""Records gathered into rows: repeats, replacements, failures, machines."""

import dataclasses

import pytest

from bench.records.identity import latest_records
from bench.report.common.summary import summarize
from bench.report.methods.notes import comparability_notes
from pcakd.errors import ConfigError


def test_no_records_are_an_error():
    with pytest.raises(ConfigError, match="bench run"):
        summarize([])


def test_the_last_record_of_a_case_and_repeat_counts(make_cost):
    first, second = make_cost(latency_ns=[1_000_000]), make_cost(latency_ns=[5_000_000])
    assert latest_records([first, second]) == (second,)
    (row,) = summarize([first, second]).cost
    assert (row.latency_ms.value, row.num_samples) == (5.0, 1)


def test_a_latency_is_that_of_processes(make_cost):
    states = ({"disturbed": True}, {"disturbed": False}, None)
    repeats = [
        make_cost(
            repeat=n,
            latency_ns=[n * 1_000_000] * 2,
            peak_bytes=n or None,
            machine_state=states[n - 1],
        )
        for n in (1, 2, 3)
    ]
    (row,) = summarize(repeats[::-1]).cost
    assert row.num_samples == 6
    assert (row.latency_ms.value, row.latency_ms.count) == (2.0, 3)
    assert row.latency_ms.low < 1 < 3 < row.latency_ms.high
    assert row.latency_ms.within == 0.0
    assert row.latency_ms.between == pytest.approx(0.5)
    assert row.num_disturbed == 1
    assert row.peak_bytes == 3


def test_one_process_has_no_interval(make_cost):
    (row,) = summarize([make_cost()]).cost
    assert row.latency_ms.ends is None


def test_a_failed_repeat_does_not_hide_a_measured_one(make_cost):
    (row,) = summarize([make_cost(), make_cost(repeat=1, status="timeout", reason="slow")]).cost
    assert row.status == "ok"
    assert row.num_samples == 3


def test_repeats_of_an_image_pair_count_once(make_quality):
    repeats = [make_quality(gram=0.4), make_quality(gram=0.6, repeat=1)]
    (row,) = summarize([*repeats, make_quality(pair="02", gram=0.9)]).quality
    assert row.num_image_pairs == 2
    assert row.metrics["gram"].value == pytest.approx((0.5 + 0.9) / 2)


def test_failures_of_quality_are_counted(records):
    rows = {(row.subject, row.transform): row for row in summarize(records).quality}
    assert rows["reinhard", "none"].failures == {"oom": 1}
    assert rows["reinhard", "none"].num_image_pairs == 1
    assert rows["vgg19-full", "zca"].metrics == {}


def test_multiply_adds_per_pixel_and_milliseconds(make_cost):
    (row,) = summarize([make_cost(latency_ns=[n * 1_000_000 for n in range(6, 13)])]).cost
    assert row.macs_per_pixel == 10
    assert row.latency_ms.value == 9.0
    (few,) = summarize([make_cost()]).cost
    assert (few.latency_ms.value, few.latency_ms.ends) == (11.0, None)


@pytest.mark.parametrize(("status", "expected"), [("predicted", 9.0), ("timeout", None)])
def test_a_failed_case_is_not_drawn_at_its_prediction(make_cost, status, expected):
    (row,) = summarize([make_cost(status=status, predicted_latency_ns=9_000_000)]).cost
    assert row.predicted_latency_ms == 9.0
    assert row.expected_latency_ms == expected


@pytest.mark.parametrize(
    ("need", "oom", "near"),
    [
        (2**34, True, False),
        (15 * 2**30, True, True),
        (12 * 2**30 + 1, True, True),
        (12 * 2**30, False, False),
        (None, False, False),
    ],
)
def test_a_prediction_beyond_the_memory_of_a_case_has_no_latency(make_cost, need, oom, near):
    (row,) = summarize(
        [
            make_cost(
                status="predicted",
                predicted_latency_ns=9_000_000,
                predicted_peak_bytes=need,
                environment={"memory_bytes": 2**34},
                config={"memory_fraction": 0.75},
            )
        ]
    ).cost
    assert row.allowed_bytes == 12 * 2**30
    assert (row.predicted_oom, row.near_oom) == (oom, near)
    assert row.expected_latency_ms == (None if oom else 9.0)


def test_metrics_are_in_the_order_of_the_subjects(make_cost, make_quality):
    records = [make_cost("a"), make_cost("b"), make_quality("b"), make_quality("a")]
    assert [row.subject for row in summarize(records).quality] == ["a", "b"]


def test_two_subjects_of_one_name_are_distinguished(make_cost):
    old, new = make_cost(subject_hash="a" * 64), make_cost(subject_hash="b" * 64)
    assert summarize([old, new]).subjects == ("vgg16 (aaaaaa)", "vgg16 (bbbbbb)")


def test_several_machines_are_not_comparable(make_cost):
    summary = summarize([make_cost(), make_cost(device_name="Other CPU")])
    assert not summary.comparable
    assert len(summary.cost) == 2


def test_metric_values_of_another_machine_count_as_those_of_the_timed_one(make_cost, make_quality):
    elsewhere = {"device_name": "Other CPU", "environment": {"device_name": "Other CPU"}}
    records = [
        make_cost("a"),
        make_quality("a", pair="01", ssim=0.1),
        make_quality("a", pair="01", ssim=0.5, created="2026-02-01", **elsewhere),
        make_quality("a", pair="02", ssim=0.7, **elsewhere),
    ]
    summary = summarize(records)
    assert summary.comparable
    (row,) = summary.quality
    assert (row.num_image_pairs, row.machine) == (2, summary.machines[0])
    assert row.metrics["ssim"].value == pytest.approx(0.6)  # the later one of 01 counts
    (note,) = [each for each in comparability_notes(summary) if "Other CPU" in each]
    assert "Metric values of 2 records were measured on Other CPU" in note
    timed_twice = summarize([*records, make_cost("b", device_name="Other CPU")])
    assert not timed_twice.comparable


def test_metric_values_alone_count_as_those_of_the_machine_with_most(make_quality):
    elsewhere = {"device_name": "Other CPU", "environment": {"device_name": "Other CPU"}}
    own = [make_quality("a", pair=pair) for pair in ("01", "02")]
    summary = summarize([make_quality("b", pair="01", **elsewhere), *own])
    assert summary.comparable
    assert {row.machine for row in summary.quality} == set(summary.machines)
    assert summary.machines[0].device_name != "Other CPU"
    on_gpu = make_quality("b", pair="01", device="cuda", **elsewhere)
    assert not summarize([*own, on_gpu]).comparable


def test_rows_are_ordered_by_size_for_any_order_of_records(records):
    costs = [record for record in records if record.kind == "cost"]
    forward = summarize(costs).cost
    swapped = summarize([costs[2], costs[0], costs[1], *costs[3:]]).cost
    assert [dataclasses.astuple(row) for row in forward] == [
        dataclasses.astuple(row) for row in swapped
    ]
