"""The results table: what the README shows is what the committed records give."""

from pathlib import Path

import pytest

from bench.records.store import append_record
from bench.report.headline import (
    BEGIN,
    END,
    REPORTS,
    SUBJECTS,
    results_table,
    update_results_table,
)
from pcakd.errors import ConfigError

ROOT = Path(__file__).parents[3]
PEERS = ("photowct2-vgg16", "photowct2", "photowct", "wct2-cat5")


def subject_records(name, make_cost, make_quality):
    """Return the records of one subject at two resolutions, on one image pair."""
    transform = {"transform": "none"} if name in ("content", "mkl", "reinhard") else {}
    if name in ("photowct2", "photowct", "wct2-cat5"):
        quality = make_quality(name, pair=None, status="untrained", reason="seeded weights")
    else:
        other = "photowct2" if name == "photowct2-vgg16" else None
        quality = make_quality(name, cost_subject=other, **transform)
    if name == "photowct2-vgg16":
        return [quality]
    big = {"resolution": "4K", "width": 3840, "height": 2160}
    return [quality, make_cost(name, **transform), make_cost(name, **big, **transform)]


@pytest.fixture
def reports(tmp_path, make_cost, make_quality):
    """Two run folders: all subjects but the authors' students, and those."""
    for folder, names in zip(
        REPORTS, [{*SUBJECTS, *PEERS} - {"authors_vgg19"}, ["authors_vgg19"]], strict=True
    ):
        (tmp_path / "reports" / folder).mkdir(parents=True)
        for name in sorted(names):
            for record in subject_records(name, make_cost, make_quality):
                append_record(tmp_path / "reports" / folder, record)
    return tmp_path / "reports"


def test_the_readme_has_the_table_of_the_committed_records():
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    shown = text.partition(f"{BEGIN}\n")[2].partition(END)[0]
    assert shown == results_table(ROOT / "reports")


def test_a_row_for_each_subject_and_one_line_of_caption(reports):
    lines = results_table(reports).splitlines()
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[2:12]]
    assert [row[0] for row in cells] == [f"`{name}`" for name in SUBJECTS]
    rows = {row[0].strip("`"): row[2:] for row in cells}
    assert rows["vgg16"] == ["1,000", "11.0", "11.0", "0.500", "0.700", "0.300"]
    assert rows["photowct2-vgg16"][:3] == ["1,000 †", "11.0 †", "11.0 †"]
    assert rows["wct2-cat5"][3:] == ["—", "—", "—"]
    assert lines[12] == ""
    assert len(lines) == 14
    assert "Some CPU (cpu, 2 threads, float32)" in lines[13]
    assert "1 shipped image pair at" in lines[13]


def test_only_the_text_between_the_markers_is_replaced(reports):
    path = reports.parent / "README.md"
    path.write_text(f"# Title\n\n{BEGIN}\nold\n{END}\n\nrest\n")
    update_results_table(path)
    assert path.read_text() == f"# Title\n\n{BEGIN}\n{results_table(reports)}{END}\n\nrest\n"


@pytest.mark.parametrize("text", ["nothing\n", f"{END}\n{BEGIN}\n", f"{BEGIN}\n"])
def test_missing_markers_are_one_error_and_nothing_is_written(reports, text):
    path = reports.parent / "README.md"
    path.write_text(text)
    with pytest.raises(ConfigError, match=r"has no line <!-- results:begin --> with"):
        update_results_table(path)
    assert path.read_text() == text


def test_a_missing_file_and_missing_subjects_are_errors(reports, tmp_path):
    with pytest.raises(ConfigError, match="cannot read"):
        update_results_table(tmp_path / "absent.md")
    records = (reports / "cpu" / "records.jsonl").read_text().splitlines()
    kept = [line for line in records if '"mkl"' not in line]
    (reports / "cpu" / "records.jsonl").write_text("\n".join(kept) + "\n")
    with pytest.raises(ConfigError, match="no records of mkl"):
        results_table(reports)


def test_other_machines_and_other_image_pairs_are_refused(reports, make_cost, make_quality):
    records = (reports / "cpu-students" / "records.jsonl").read_bytes()
    append_record(reports / "cpu-students", make_cost("authors_vgg19", device_name="Other CPU"))
    with pytest.raises(ConfigError, match="several machines or of different image pairs"):
        results_table(reports)
    (reports / "cpu-students" / "records.jsonl").write_bytes(records)
    append_record(reports / "cpu-students", make_quality("authors_mobilenet_v1", pair_hash="other"))
    with pytest.raises(ConfigError, match="several machines or of different image pairs"):
        results_table(reports)
