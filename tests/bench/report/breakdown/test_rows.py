"""Shares, rates and bounds of the time breakdown."""

import pytest

from bench.report.breakdown.rows import breakdown_rows
from bench.report.common.summary import summarize


def create_row(records, subject="vgg16"):
    return next(row for row in breakdown_rows(summarize(records)) if row.subject == subject)


def test_shares_leave_the_filter_out(make_stages):
    row = create_row([make_stages()])
    assert row.instrumented_ns == 100_000_000
    assert row.share("encode") == 0.6
    assert row.share("filter") is None
    shares = [row.share(section) for section in row.sections if section != "filter"]
    assert sum(shares) == pytest.approx(1.0)
    assert row.convolution_share == 0.9
    assert row.bound == pytest.approx(10.0)
    assert row.timer_overhead == pytest.approx(1 / 9)


def test_a_filter_that_ends_the_subject_has_a_share(make_stages):
    row = create_row([make_stages("vgg16|guided")], "vgg16|guided")
    assert row.share("filter") > 0
    assert sum(map(row.share, row.sections)) == pytest.approx(1.0)
    assert row.instrumented_ns == sum(work.latency_ns for work in row.sections.values())


def test_rates_and_intensities(make_stages):
    work = create_row([make_stages()]).convolutions
    assert (work.latency_ns, work.macs, work.bytes) == (90_000_000, 4_000_000_000, 900_000_000)
    assert work.macs_per_second == pytest.approx(4e9 / 0.09)
    assert work.macs_per_byte == pytest.approx(4 / 0.9)


def test_a_colour_transfer_has_a_rate_and_no_bound(compared):
    row = create_row(compared, "reinhard")
    assert row.convolutions is row.convolution_share is row.bound is None
    assert row.has_rate("transform")
    assert not create_row(compared).has_rate("transform")  # tiles fold it away
