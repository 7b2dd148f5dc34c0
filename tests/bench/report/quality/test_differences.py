"""Differences pair by pair, and only of what can be compared."""

import os
from pathlib import Path

import pytest

from bench.records.store import append_record
from bench.report.common.data import to_csv
from bench.report.common.summary import summarize
from bench.report.common.tables import to_latex
from bench.report.quality.differences import (
    difference_rows,
    differences_data,
    differences_section,
    differences_table,
)
from bench.report.render import render_report

GOLDEN = Path(__file__).parents[1] / "golden"


@pytest.fixture
def students(make_quality):
    """Return scores of three students; pairs differ more than the students do."""
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


def test_differences_are_taken_pair_by_pair(students):
    rows = difference_rows(summarize(students))
    pairs = [(row.subject, row.other) for row in rows]
    assert pairs == [
        ("vgg16", "mobilenet_v1"), ("vgg16", "authors"), ("mobilenet_v1", "authors")
    ]  # fmt: skip
    gram = rows[1].differences["gram"]
    assert gram.value == pytest.approx(-0.125)
    assert -0.25 < gram.low < gram.value < gram.high < -0.0625
    assert gram.count == 7
    assert rows[1].differences["ssim"].value == 0.0


def test_a_star_means_that_the_interval_leaves_zero_out(students):
    to_mobilenet, to_authors, _ = differences_table(summarize(students))["Gram ↓"]
    assert to_authors.endswith("] *")
    assert to_mobilenet.startswith("-0.009 [-")
    assert to_mobilenet.endswith("]")


def test_few_pairs_have_no_star(students):
    few = [record for record in students if record.case.pair < "06"]
    assert not any("*" in cell for cell in differences_table(summarize(few))["Gram ↓"])
    one = [record for record in students if record.case.pair == "04"]
    assert differences_table(summarize(one))["Gram ↓"].tolist() == ["+0.125", "-0.250", "-0.375"]


def test_only_common_pairs_of_one_protocol_and_machine_count(make_quality):
    own = [make_quality(pair="01", gram=0.5), make_quality(pair="02", gram=0.9)]
    other = [make_quality("authors", pair="01", gram=0.6), make_quality("authors", pair="03")]
    (row,) = difference_rows(summarize([*own, *other]))
    assert row.differences["gram"].count == 1
    assert row.differences["gram"].value == pytest.approx(-0.1)
    elsewhere = [make_quality("authors", pair="01", device_name="Other CPU")]
    assert difference_rows(summarize([*own, *elsewhere])) == []
    protocol = own[0].protocol | {"gram": "gram/2", "ssim": "ssim/2"}
    another = [make_quality("authors", pair="01", protocol=protocol)]
    (row,) = difference_rows(summarize([*own, *another]))
    assert set(row.differences) == {"lpips"}
    assert "—" in differences_section(summarize([*own, *another]))


def test_metrics_of_other_pairs_are_counted(make_quality):
    records = [make_quality(name, pair=f"0{n}", ssim=None if name == "authors" and n > 1 else 0.5)
               for name in ("vgg16", "authors") for n in range(1, 4)]  # fmt: skip
    assert differences_table(summarize(records))["Pairs"].tolist() == ["1 to 3"]


def test_colour_transfers_and_further_trainings_are_no_students(make_quality):
    records = [
        make_quality(), make_quality("mkl", transform="none"), make_quality("vgg16-seed1")
    ]  # fmt: skip
    assert differences_section(summarize(records)) == ""


@pytest.mark.parametrize("name", ["differences.md", "differences.tex", "differences.csv"])
def test_text_is_the_golden_one(students, name):
    summary = summarize(students)
    text = {
        "differences.md": differences_section(summary),
        "differences.tex": to_latex(differences_table(summary)),
        "differences.csv": to_csv(differences_data(summary)),
    }[name]
    if os.environ.get("PCAKD_UPDATE_GOLDEN"):
        (GOLDEN / name).write_text(text)
    assert text == (GOLDEN / name).read_text()


def test_the_report_has_the_section_and_its_files(tmp_path, students):
    for record in students:
        append_record(tmp_path, record)
    assert "## Students and peers, pair by pair" in render_report(tmp_path).read_text()
    assert {"differences.md", "differences.csv", "differences.tex"} <= {
        path.name for path in (tmp_path / "tables").iterdir()
    }
