"""Claims about quality, against synthetic records."""

from dataclasses import replace

import pytest
from claim_rows import find, only

from bench.claims.check import has_evidence

PAIRS = [f"{number:02}" for number in range(1, 7)]


@pytest.fixture
def metric_values(make_quality):
    """Return a maker of six quality records whose metric values rise from pair to pair."""

    def make(subject, start, metric="gram", **changes):
        return [
            make_quality(subject, pair, **{metric: start + number / 10}, **changes)
            for number, pair in enumerate(PAIRS)
        ]

    return make


STYLE = "VGG student: stronger style than WCT²"


CONTENT = "VGG student: better content than PhotoWCT²"


@pytest.mark.parametrize(
    ("shift", "verdict", "measured"),
    [(-0.05, "reproduced", "-0.050"), (0.05, "not reproduced", "+0.050")],
)
def test_quality_is_compared_pair_by_pair(metric_values, shift, verdict, measured):
    # the metric values differ ten times more between image pairs than between subjects
    row = only(metric_values("wct2-cat5", 0.5) + metric_values("vgg16", 0.5 + shift), STYLE)
    assert (row.verdict, row.measured, row.count) == (verdict, measured, 6)
    assert row.low == pytest.approx(row.high) == pytest.approx(shift)
    assert row.place == "6 image pairs, cpu Some CPU"


def test_a_difference_whose_interval_contains_zero_is_not_reproduced(metric_values, make_quality):
    ours = [make_quality("vgg16", pair, gram=0.5 + (-1) ** n / 10) for n, pair in enumerate(PAIRS)]
    row = only([*ours, *[make_quality("wct2-cat5", pair, gram=0.5) for pair in PAIRS]], STYLE)
    assert row.verdict == "not reproduced"
    assert row.remark.startswith("no difference is shown")
    assert row.low < 0 < row.high


def test_a_peer_on_another_encoder_stands_for_the_peer(metric_values, make_quality):
    untrained = make_quality("photowct2", pair=None, status="untrained", reason="seeded")
    peer = metric_values("photowct2-vgg16", 0.5, "ssim", cost_subject="photowct2")
    row = only([untrained, *peer, *metric_values("vgg16", 0.6, "ssim")], CONTENT)
    assert row.verdict == "reproduced"
    assert "`photowct2-vgg16` stands for PhotoWCT², its encoder is VGG-16" in row.remark
    assert "0.850 against 0.750" in row.remark


def test_a_peer_trained_on_its_own_encoder_stands_for_the_peer(metric_values, make_quality):
    records = [*metric_values("photowct2-vgg19", 0.2, "ssim"), *metric_values("vgg16", 0.4, "ssim")]
    row = only(records, "VGG student: better content than PhotoWCT²")
    assert (row.verdict, row.measured) == ("reproduced", "+0.200")
    assert has_evidence(records)


def test_external_results_are_not_evidence_even_with_the_name_of_a_peer(metric_values):
    images = {"config": {"outputs": "files"}}
    named = [
        *metric_values("photowct2-vgg19", 0.2, "ssim", **images),
        *metric_values("vgg16", 0.4, "ssim"),
    ]
    row = only(named, "VGG student: better content than PhotoWCT²")
    assert row.verdict == "not comparable"
    student = metric_values("vgg16", 0.4, "ssim", **images)
    row = only([*metric_values("photowct2-vgg19", 0.2, "ssim"), *student], CONTENT)
    assert row.verdict == "not comparable"


def test_untrained_peers_are_not_comparable(metric_values, make_quality):
    untrained = make_quality("wct2-cat5", pair=None, status="untrained", reason="seeded")
    row = only([untrained, *metric_values("vgg16", 0.5)], STYLE)
    assert (row.verdict, row.remark) == (
        "not comparable", "`wct2-cat5` is untrained and has no quality",
    )  # fmt: skip


@pytest.mark.parametrize(
    "changes",
    [
        {"pair_hash": "other files"},
        {"width": 100},
        {"protocol": {"gram": "another one"}},
        {"device_name": "Other CPU"},
    ],
)
def test_only_the_same_image_pairs_are_compared(metric_values, changes):
    row = only(metric_values("wct2-cat5", 0.5, **changes) + metric_values("vgg16", 0.4), STYLE)
    assert (row.verdict, row.remark) == (
        "not comparable", "`vgg16` and `wct2-cat5` have no image pair, size and protocol in common",
    )  # fmt: skip


def test_image_pairs_under_two_protocols_do_not_count_twice(metric_values):
    sizes = ({}, {"width": 100, "protocol": {"gram": "at most 100 px a side"}})
    records = [
        record
        for changes in sizes
        for subject, value in (("wct2-cat5", 0.5), ("vgg16", 0.4))
        for record in metric_values(subject, value, **changes)[:3]
    ]
    assert [(row.count, row.verdict) for row in find(records, STYLE)] == [(3, "not comparable")] * 2


def test_only_the_last_version_and_common_pairs_are_compared(metric_values, make_quality):
    old = metric_values("vgg16", 9.0, subject_hash="an older student")
    new = metric_values("vgg16", 0.4)
    failed = make_quality("wct2-cat5", "07", status="oom", reason="full")
    row = only([*old, *new, *metric_values("wct2-cat5", 0.5), failed], STYLE)
    assert (row.measured, row.count) == ("-0.100", 6)
    few = only([*new[:2], *metric_values("wct2-cat5", 0.5)], STYLE)
    assert (few.verdict, few.place) == ("not comparable", "2 image pairs, cpu Some CPU")
    alone = only(metric_values("wct2-cat5", 0.5), STYLE)
    assert alone.remark.startswith("no record")


def test_claims_are_judged_by_several_metrics_and_relatives_of_losses_are_named(metric_values):
    # better by gram, worse by the bounded one
    fields = {"gram": 0.1, "alexnet_gram": 0.3, "histogram_correlation": 0.4}
    ours = metric_values("vgg16", 0.5, "bounded_gram", trained_metrics=["gram"], **fields)
    theirs = metric_values("wct2-cat5", 0.4, "bounded_gram", gram=0.9, alexnet_gram=0.5)
    theirs = [replace(record, histogram_correlation=0.3) for record in theirs]
    rows = find([*ours, *theirs], STYLE)
    assert [(row.published, row.verdict) for row in rows] == [
        ("lower Bounded Gram", "not reproduced"), ("lower AlexNet Gram", "reproduced"),
        ("higher Histogram correlation", "reproduced"),
    ]  # fmt: skip
    assert ["a close relative" in row.remark for row in rows] == [True, True, False]


def test_without_them_the_remark_says_what_the_student_was_trained_on(metric_values):
    ours = metric_values("vgg16", 0.3, trained_metrics=["gram"])
    row = only([*ours, *metric_values("wct2-cat5", 0.5)], STYLE)
    assert row.verdict == "reproduced"
    assert "`vgg16` was trained on the formula of Gram" in row.remark
