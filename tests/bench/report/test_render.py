"""Whole reports on disk: files, same bytes, clear errors, no torch."""

import subprocess
import sys

import pytest
from PIL import Image

from bench.records.store import append_record
from bench.report.common.figures import encode_figure
from bench.report.common.section import TABLE_SUFFIXES
from bench.report.common.summary import summarize
from bench.report.pareto.section import FILES, pareto_plots
from bench.report.render import render_report
from pcakd.errors import ConfigError, OutputError

MODULES = "bench.report.render, bench.records.compare, bench.analysis.pareto, bench.commands.report"
LINES = f"import sys, {MODULES}, bench.commands.check; sys.exit('torch' in sys.modules)"


def fill(folder, records):
    for record in records:
        append_record(folder, record)
    return folder


@pytest.fixture(scope="module")
def report(tmp_path_factory, records):
    folder = fill(tmp_path_factory.mktemp("run"), records)
    pair = folder / "examples" / "01"
    pair.mkdir(parents=True)
    for name in ("content", "style", "vgg16"):
        Image.new("RGB", (120, 80), "teal").save(pair / f"{name}.jpg")
    return render_report(folder)


def test_reports_need_no_torch():
    assert subprocess.run([sys.executable, "-c", LINES], check=False).returncode == 0


def test_everything_is_written_and_linked(report):
    assert report.name == "README.md"
    text = report.read_text()
    plots = [name for name in FILES if "bounded" not in name]
    for name in (*plots, "plots/latency-resolution.png", "plots/latency-resolution.svg"):
        start = b"<?xml" if name.endswith("svg") else b"\x89PNG"
        assert (report.parent / name).read_bytes().startswith(start)
        assert name.endswith("svg") or name in text
    assert "examples.jpg" in text
    tables = {path.name for path in (report.parent / "tables").iterdir()}
    names = {
        f"{name}{end}"
        for name in ("cost", "quality", "differences", "predictions")
        for end in TABLE_SUFFIXES
    }
    assert tables == {*names, "overview.md", "overview.tex"}
    assert not list(report.parent.rglob("*.part"))


def test_same_records_give_the_same_bytes(report, records):
    for plot in pareto_plots(summarize(records))[:1]:
        for kind in ("png", "svg"):
            written = (report.parent / "plots" / f"{plot.name}.{kind}").read_bytes()
            assert encode_figure(plot.draw(), kind) == written


def test_files_that_no_longer_apply_are_removed(tmp_path, make_cost):
    for folder, names in (
        ("plots", ["style-ssim.png", "stages.png", "own.png", "stages.txt"]),
        ("tables", ["quality.csv", "paired.md", "capacity.tex", "own.md"]),
    ):
        (tmp_path / folder).mkdir()
        for name in names:
            (tmp_path / folder / name).touch()
    render_report(fill(tmp_path, [make_cost()]))
    plots = {path.name for path in (tmp_path / "plots").iterdir()}
    assert plots == {"own.png", "stages.txt", "latency-resolution.png", "latency-resolution.svg"}
    tables = {path.name for path in (tmp_path / "tables").iterdir()}
    written = {f"{name}{end}" for name in ("overview", "cost") for end in (".md", ".tex")}
    assert tables == {"own.md", "cost.csv", *written}


def test_a_folder_without_records(tmp_path):
    with pytest.raises(ConfigError, match="does not exist"):
        render_report(tmp_path)


def test_an_empty_records_file(tmp_path):
    (tmp_path / "records.jsonl").touch()
    with pytest.raises(ConfigError, match="no records"):
        render_report(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["records.jsonl"]


def test_a_place_that_cannot_be_written(tmp_path, make_cost):
    fill(tmp_path, [make_cost()])
    (tmp_path / "tables").touch()
    with pytest.raises(OutputError, match="tables"):
        render_report(tmp_path)


def test_a_sheet_without_examples_is_removed(tmp_path, make_quality):
    (tmp_path / "examples.jpg").touch()
    render_report(fill(tmp_path, [make_quality()]))
    assert not (tmp_path / "examples.jpg").exists()
