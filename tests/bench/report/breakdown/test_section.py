"""The section of the time breakdown."""

from bench.records.store import append_record
from bench.report.breakdown.section import make_section
from bench.report.common.summary import summarize
from bench.report.render import render_report


def test_texts_are_the_golden_ones(compared, make_stages, check_golden):
    failed = make_stages("mobilenet_v1", status="oom", reason="needed more than 2 GiB")
    section = make_section(summarize([*compared, failed]))
    check_golden("time-breakdown-section.md", section.text)
    for table in section.tables:
        for name, text in table.files().items():
            check_golden(name, text)


def test_nothing_is_drawn_or_explained_across_machines(compared, make_stages):
    section = make_section(summarize([*compared, make_stages(device_name="Other CPU")]))
    assert section.plots == ()
    assert "Machine" in section.text
    assert "as fast as `vgg19-full`" not in section.text


def test_a_report_without_time_breakdowns_has_no_section(make_cost):
    assert make_section(summarize([make_cost()])).text == ""


def test_a_report_of_time_breakdowns_alone(tmp_path, make_stages, make_cost):
    append_record(tmp_path, make_stages())
    text = render_report(tmp_path).read_text()
    assert "## Time breakdown" in text
    assert "plots/time-breakdown.png" in text
    plots = {path.name for path in (tmp_path / "plots").iterdir()}
    assert plots == {"time-breakdown.png", "time-breakdown.svg"}
    names = {path.name for path in (tmp_path / "tables").iterdir()}
    assert names == {
        f"{name}{end}" for name in ("time-breakdown", "speedup") for end in (".md", ".csv", ".tex")
    }

    (tmp_path / "records.jsonl").unlink()
    append_record(tmp_path, make_cost())
    assert "Time breakdown" not in render_report(tmp_path).read_text()
    assert not (tmp_path / "plots" / "time-breakdown.png").exists()
    assert not (tmp_path / "tables" / "speedup.csv").exists()
