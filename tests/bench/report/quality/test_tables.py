"""Tables of metric values: three headline metrics, and all others in a second table."""

import pytest

from bench.report.common.summary import summarize
from bench.report.quality import section
from bench.report.quality.differences import differences_table, other_differences_table
from bench.report.quality.tables import other_metrics_table, quality_table

LATER = {"bounded_gram": 0.3, "histogram_correlation": 0.4, "gmsd": 0.1}
HEADLINE = ["SSIM ↑", "LPIPS ↓"]


def titles(table):
    return [column for column in table.cells.columns if column[-1] in "↑↓"]


@pytest.fixture
def make_rows(make_quality):
    def make(subject, **values):
        protocol = dict.fromkeys(("gram", "ssim", "lpips", *values), "a protocol")
        return [
            make_quality(
                subject,
                pair=f"{n:02}",
                protocol=protocol,
                **{name: value + n / 100 for name, value in values.items()},
            )
            for n in range(3)
        ]

    return make


def test_older_records_have_the_three_columns_of_before(make_rows):
    summary = summarize([*make_rows("vgg16"), *make_rows("mobilenet_v1")])
    table = quality_table(summary)
    assert titles(table) == ["Gram ↓", *HEADLINE]
    assert "relative error" in table.note
    assert "bounded_gram" not in table.data.columns
    assert other_metrics_table(summary).cells.empty
    assert other_differences_table(summary).cells.empty


def test_the_bounded_gram_is_in_the_first_table_and_the_rest_in_the_second(make_rows):
    summary = summarize([*make_rows("vgg16", **LATER), *make_rows("mobilenet_v1", **LATER)])
    table, others = quality_table(summary), other_metrics_table(summary)
    assert titles(table) == ["Bounded Gram ↓", *HEADLINE]
    assert "at most 1" in table.note
    assert table.cells["Bounded Gram ↓"][0] == "0.310"
    assert titles(others) == ["Gram ↓", "Histogram correlation ↑", "GMSD ↓"]
    assert others.cells["GMSD ↓"].tolist() == ["0.110", "0.110"]
    assert {"gram", "bounded_gram", "gmsd", "gmsd_low"} <= set(table.data.columns)
    assert titles(differences_table(summary)) == ["Bounded Gram ↓", *HEADLINE]
    assert titles(other_differences_table(summary)) == titles(others)
    text = section.make_section(summary).text
    assert text.index("## Quality") < text.index("### Other metrics") < text.index("## Differences")


def test_a_subject_without_the_bounded_gram_keeps_the_relative_one_in_front(make_rows):
    summary = summarize([*make_rows("vgg16", **LATER), *make_rows("mobilenet_v1")])
    assert titles(quality_table(summary))[0] == "Gram ↓"
    others = other_metrics_table(summary)
    assert titles(others) == ["Bounded Gram ↓", "Histogram correlation ↑", "GMSD ↓"]
    assert others.cells["Bounded Gram ↓"].tolist() == ["0.310", "not measured"]


def test_metrics_that_a_subject_was_trained_on_are_marked_and_explained(make_quality):
    student = [
        make_quality(pair=f"{n:02}", trained_metrics=["gram", "ssim"], bounded_gram=0.3)
        for n in range(2)
    ]
    other = [make_quality("authors", pair=f"{n:02}", bounded_gram=0.3) for n in range(2)]
    summary = summarize([*student, *other])
    table = quality_table(summary)
    assert [cell[-1] for cell in table.cells["SSIM ↑"]] == [
        "‡",
        "0",
    ]  # two image pairs have no interval
    assert table.cells["Bounded Gram ↓"].tolist() == ["0.300 ‡", "0.300"]  # a relative of Gram
    assert "‡ the subject was trained on" in table.note
    others = other_metrics_table(summary)
    assert others.cells["Gram ↓"].tolist() == ["0.500 ‡", "0.500"]
    assert "‡" in others.note
    differences = differences_table(summary)
    assert differences.cells["SSIM ↑"][0].endswith(" ‡")
    assert not differences.cells["LPIPS ↓"][0].endswith(" ‡")
    assert "‡ one of the two" in differences.note


def test_a_difference_of_two_subjects_trained_alike_is_not_marked(make_quality):
    records = [
        make_quality(name, pair=f"{n:02}", trained_metrics=["ssim"])
        for name in ("vgg16", "mobilenet_v1")
        for n in range(2)
    ]
    table = differences_table(summarize(records))
    assert "‡" not in table.cells["SSIM ↑"][0]
    assert "‡" not in table.note
