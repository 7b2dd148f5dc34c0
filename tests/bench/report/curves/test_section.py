"""The section of trade-off curves."""

from bench.claims.check import has_evidence
from bench.records.store import append_record
from bench.report.common.summary import summarize
from bench.report.curves.plot import curves_plots
from bench.report.curves.section import make_section
from bench.report.curves.tables import curves_table
from bench.report.render import console_table, render_report


def test_texts_are_the_golden_ones(curves, make_curve, check_golden):
    failed = make_curve("vgg16", "01", regularizer=100.0, status="error", reason="broken")
    section = make_section(summarize([*curves, failed]))
    check_golden("curves-section.md", section.text)
    (table,) = section.tables
    for name, text in table.files().items():
        check_golden(name, text)


def test_nothing_is_drawn_across_kinds_of_devices_or_of_failures(curves, make_curve):
    other = make_curve(strength=1.0, device="cuda", device_name="A GPU")
    summary = summarize([*curves, other])
    assert curves_plots(summary) == []
    assert "| A" in make_section(summary).text
    failed = summarize([make_curve(strength=1.0, status="error", reason="broken")])
    assert curves_plots(failed) == []
    assert "error: 1" in make_section(failed).text


def test_curves_change_no_other_table_and_are_no_evidence(tmp_path, curves, make_quality):
    plain, both = tmp_path / "plain", tmp_path / "both"
    for folder, records in ((plain, []), (both, curves)):
        folder.mkdir()
        for record in [make_quality(), make_quality("mkl"), *records]:
            append_record(folder, record)
        render_report(folder)
    for path in (plain / "tables").iterdir():
        assert path.read_bytes() == (both / "tables" / path.name).read_bytes()
    more = {path.name for path in (both / "tables").iterdir()} - {
        path.name for path in (plain / "tables").iterdir()
    }
    assert more == {"curves.md", "curves.csv", "curves.tex"}
    assert not has_evidence(curves)


def test_curves_of_further_trainings_are_in_the_table_alone(curves, make_curve, make_quality):
    further = [make_curve("vgg16-seed1", strength=1.0), make_quality("vgg16-seed1")]
    summary = summarize([*curves, make_quality("vgg16"), *further])
    (plot,) = curves_plots(summary)
    labels = [text.get_text() for text in plot.draw().legends[0].get_texts()]
    assert "vgg16-seed1" not in " ".join([plot.caption, *labels])
    assert "vgg16-seed1" in set(curves_table(summary).cells["Subject"])


def test_a_report_of_curves_alone(tmp_path, curves, make_cost, make_curve):
    failed = make_curve("vgg16", "01", regularizer=100.0, status="error", reason="broken")
    for record in [*curves, failed]:
        append_record(tmp_path, record)
    text = render_report(tmp_path).read_text()
    assert "2 subjects, 2 image pairs, measured" in text
    assert "![Trade-off between style and content](plots/curves.png)" in text
    assert "- **error** (broken): vgg16 at λ × 100 on image pair 01" in text
    assert console_table(curves)
    (tmp_path / "records.jsonl").unlink()
    append_record(tmp_path, make_cost())
    assert "Trade-off" not in render_report(tmp_path).read_text()
    assert not (tmp_path / "plots" / "curves.png").exists()
