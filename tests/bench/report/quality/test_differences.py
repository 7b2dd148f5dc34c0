"""Differences over the same image pairs, and only of what compares."""

import pytest

from bench.records.schema import NO_FILTER, WITH_FILTER
from bench.records.store import append_record
from bench.report.common.summary import summarize
from bench.report.quality.differences import difference_rows, differences_table
from bench.report.render import render_report


@pytest.fixture
def students(make_quality):
    """Return metric values of three students; image pairs differ more than students do."""
    offsets = {
        "vgg16": (0.0,) * 7,
        "mobilenet_v1": (-0.0625, 0.125, 0.0625, -0.125, 0.125, -0.0625, 0.0),  # now more, now less
        "authors": (0.125, 0.0625, 0.125, 0.25, 0.125, 0.0625, 0.125),
    }
    return [
        make_quality(subject, pair=f"0{number}", gram=0.25 * number + offset, ssim=0.5)
        for subject, own in offsets.items()
        for number, offset in enumerate(own, 1)
    ]


def test_differences_are_over_the_same_image_pairs(students):
    rows = difference_rows(summarize(students))
    pairs = [(row.subject, row.other) for row in rows]
    assert pairs == [
        ("vgg16", "mobilenet_v1"), ("vgg16", "authors"), ("mobilenet_v1", "authors")
    ]  # fmt: skip
    gram = rows[1].differences["gram"]
    assert gram.value == pytest.approx(-0.125)
    assert -0.5 < gram.low < gram.value < gram.high < 0.0
    assert gram.count == 7
    assert rows[1].differences["ssim"].value == 0.0


def test_an_asterisk_marks_what_holms_correction_leaves(students):
    table = differences_table(summarize(students))
    to_mobilenet, to_authors, _ = table.cells["Gram ↓"]
    assert to_authors.endswith("] *")
    assert to_mobilenet.startswith("-0.009 [-")
    assert to_mobilenet.endswith("]")
    assert "the 9 comparisons of this table" in table.note
    gram = table.data[table.data["metric"] == "gram"]
    assert gram["significant"].tolist() == [False, True, False]
    assert gram["p_value"].iloc[1] < 0.05 / 9


def test_an_interval_without_zero_has_no_asterisk_among_many(students, make_quality):
    # 0.004 is small for nine comparisons, but not for thirty
    names = [f"student-{number}" for number in range(2)]
    more = [make_quality(name, pair=f"0{n}", gram=0.25 * n) for name in names for n in range(1, 8)]
    table = differences_table(summarize([*students, *more]))
    row = table.cells[(table.cells["A"] == "vgg16") & (table.cells["B"] == "authors")]
    assert row["Gram ↓"].tolist() == ["-0.125 [-0.314, -0.051]"]
    assert "the 30 comparisons of this table" in table.note


def test_few_image_pairs_have_no_asterisk(students):
    few = [record for record in students if record.case.pair < "06"]
    table = differences_table(summarize(few))
    assert not any("[" in cell or "*" in cell for cell in table.cells["Gram ↓"])
    assert "asterisk" not in table.note
    one = [record for record in students if record.case.pair == "04"]
    assert differences_table(summarize(one)).cells["Gram ↓"].tolist() == [
        "+0.125",
        "-0.250",
        "-0.375",
    ]


def test_only_common_image_pairs_of_one_protocol_and_kind_of_device_count(make_quality):
    own = [make_quality(pair="01", gram=0.5), make_quality(pair="02", gram=0.9)]
    other = [make_quality("authors", pair="01", gram=0.6), make_quality("authors", pair="03")]
    (row,) = difference_rows(summarize([*own, *other]))
    assert row.differences["gram"].count == 1
    assert row.differences["gram"].value == pytest.approx(-0.1)
    elsewhere = [make_quality("authors", pair="01", device="cuda", device_name="A GPU")]
    assert difference_rows(summarize([*own, *elsewhere])) == []
    protocol = own[0].protocol | {"gram": "gram/2", "ssim": "ssim/2"}
    another = [make_quality("authors", pair="01", protocol=protocol)]
    (row,) = difference_rows(summarize([*own, *another]))
    assert set(row.differences) == {"lpips"}
    assert "—" in differences_table(summarize([*own, *another])).markdown


def test_the_number_of_image_pairs_may_depend_on_the_metric(make_quality):
    records = [make_quality(name, pair=f"0{n}", ssim=None if name == "authors" and n > 1 else 0.5)
               for name in ("vgg16", "authors") for n in range(1, 4)]  # fmt: skip
    assert differences_table(summarize(records)).cells["Image pairs"].tolist() == ["1 to 3"]


def test_networks_are_compared_with_colour_transfers_and_these_not_with_each_other(make_quality):
    baselines = [make_quality(name, transform="none") for name in ("mkl", "reinhard", "content")]
    records = [*baselines, make_quality(), make_quality("vgg16-seed1")]  # a further training
    cells = differences_table(summarize(records)).cells
    assert list(zip(cells["A"], cells["B"], strict=True)) == [
        ("vgg16", "mkl"), ("vgg16", "reinhard"),
    ]  # fmt: skip


def test_texts_are_the_golden_ones(students, check_golden):
    for name, text in differences_table(summarize(students)).files().items():
        check_golden(name, text)


def test_the_report_has_the_section_and_its_files(tmp_path, students):
    for record in students:
        append_record(tmp_path, record)
    assert (
        "## Differences between subjects over the same image pairs"
        in render_report(tmp_path).read_text()
    )
    assert {"differences.md", "differences.csv", "differences.tex"} <= {
        path.name for path in (tmp_path / "tables").iterdir()
    }


def test_a_filter_is_what_two_subjects_may_differ_by(make_quality):
    texts = make_quality().protocol
    own = {name: f"{text}, float output, {NO_FILTER}" for name, text in texts.items()}
    filtered = {
        name: f"{text}, float output, {WITH_FILTER.format('guided')}"
        for name, text in texts.items()
    }
    records = [
        make_quality("vgg16", gram=0.5, protocol=own),
        make_quality("vgg16|guided", gram=0.7, protocol=filtered),
    ]
    (row,) = difference_rows(summarize(records))
    assert abs(row.differences["gram"].value) == pytest.approx(0.2)
