"""Students against one another: differences pair by pair, and only of what can be compared."""

import os
from pathlib import Path

import pytest

from bench.report.data import to_csv
from bench.report.differences import (
    difference_rows,
    differences_data,
    differences_section,
    differences_table,
)
from bench.report.render import render_report
from bench.report.summary import summarize
from bench.report.tables import to_latex
from bench.store import append_record

GOLDEN = Path(__file__).parent / "golden"


@pytest.fixture
def students(make_quality):
    """Return scores of three students; pairs differ more than the students do."""
    better = {"vgg16": 0.0, "mobilenet_v1": 0.05, "authors": 0.1}
    return [
        make_quality(subject, pair=f"0{number}", gram=0.3 * number + extra, ssim=0.5)
        for subject, extra in better.items()
        for number in range(1, 8)
    ]


def test_differences_are_taken_pair_by_pair(students):
    rows = difference_rows(summarize(students))
    pairs = [(row.subject, row.other) for row in rows]
    assert pairs == [
        ("vgg16", "mobilenet_v1"), ("vgg16", "authors"), ("mobilenet_v1", "authors")
    ]  # fmt: skip
    gram = rows[1].differences["gram"]
    assert (gram.value, gram.low, gram.high) == pytest.approx((-0.1, -0.1, -0.1))
    assert gram.count == 7
    assert rows[1].differences["ssim"].value == 0.0


def test_a_star_means_that_zero_is_left_out(students):
    cells = differences_table(summarize(students)).iloc[1]
    assert cells["Gram ↓"].endswith("] *")
    assert cells["SSIM ↑"] == "+0.000 [+0.000, +0.000]"


def test_only_common_pairs_of_one_protocol_and_machine_count(make_quality):
    own = [make_quality(pair="01", gram=0.5), make_quality(pair="02", gram=0.9)]
    other = [make_quality("authors", pair="01", gram=0.6), make_quality("authors", pair="03")]
    (row,) = difference_rows(summarize([*own, *other]))
    assert (row.num_pairs, row.differences["gram"].value) == (1, pytest.approx(-0.1))
    elsewhere = [make_quality("authors", pair="01", device_name="Other CPU")]
    assert difference_rows(summarize([*own, *elsewhere])) == []
    protocol = own[0].protocol | {"gram": "gram/2", "ssim": "ssim/2"}
    another = [make_quality("authors", pair="01", protocol=protocol)]
    (row,) = difference_rows(summarize([*own, *another]))
    assert set(row.differences) == {"lpips"}
    assert "—" in differences_section(summarize([*own, *another]))


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
    assert "## Students against one another" in render_report(tmp_path).read_text()
    assert {"differences.md", "differences.csv", "differences.tex"} <= {
        path.name for path in (tmp_path / "tables").iterdir()
    }
