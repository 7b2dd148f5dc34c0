"""Shipped students against the authors' ones: both directions are named, and chance is neither."""

from dataclasses import replace

import pytest

from bench.report.common.summary import summarize
from bench.report.page import make_sections, write_page
from bench.report.quality.counterparts import counterparts_note

TRAINED = ["gram", "ssim", "lpips"]
OFFSETS = (-0.02, 0.01, 0.0, 0.02, -0.01, 0.015, -0.005, 0.0)


@pytest.fixture
def make_students(make_quality):
    def make(ours, theirs, trained=TRAINED):
        return [
            make_quality(
                subject,
                pair=f"{number:02}",
                gram=0.5,
                ssim=0.5,
                trained_metrics=trained if subject == "vgg16" else [],
                **{name: value + offset * place for name, value in values.items()},
            )
            for place, (subject, values) in enumerate(
                (("vgg16", ours), ("authors_vgg19", theirs)), 1
            )
            for number, offset in enumerate(OFFSETS)
        ]

    return make


def test_the_first_paragraph_says_where_the_authors_are_better(make_students):
    ours = {"sliced_wasserstein": 4.6, "haarpsi": 0.55, "gmsd": 0.1, "ms_ssim": 0.9}
    theirs = {"sliced_wasserstein": 3.8, "haarpsi": 0.46, "gmsd": 0.1, "ms_ssim": 0.8}
    summary = summarize(make_students(ours, theirs))
    note = counterparts_note(summary)
    worse, better, rest = note.split(";")[:3]
    # MS-SSIM is a relative of SSIM and does not count
    start = "By 3 metrics that `vgg16` was not trained on, nor on a close relative, over 8 image"
    assert worse.startswith(start)
    assert "`authors_vgg19` is better than it in Sliced Wasserstein" in worse
    assert "(+0.799 [" in worse
    assert "HaarPSI" in better
    assert "(+0.089 [" in better
    assert rest.strip().startswith("1 show no difference")
    heading = write_page(summary, make_sections(summary)).split("\n\n")[1]
    assert heading.endswith(note)


def test_the_order_of_the_rows_does_not_matter(make_students):
    records = make_students({"haarpsi": 0.55}, {"haarpsi": 0.46})
    assert counterparts_note(summarize(records[::-1])) == counterparts_note(summarize(records))


def test_versions_of_a_student_have_its_counterpart(make_students):
    values = {"haarpsi": 0.55}
    records = [
        replace(record, case=replace(record.case, subject=f"{record.case.subject}@2"))
        if record.case.subject == "vgg16"
        else record
        for record in make_students(values, {"haarpsi": 0.46})
    ]
    assert "`vgg16@2` is better in HaarPSI" in counterparts_note(summarize(records))


@pytest.mark.parametrize("missing", ["trained_metrics", "authors", "metrics"])
def test_without_both_or_fair_metrics_it_says_nothing(make_students, missing):
    values = {} if missing == "metrics" else {"haarpsi": 0.5}
    records = make_students(values, values, trained=[] if missing == "trained_metrics" else TRAINED)
    if missing == "authors":
        records = [record for record in records if record.case.subject == "vgg16"]
    assert counterparts_note(summarize(records)) == ""
