"""Whole reports on disk: files, same bytes, clear errors, no torch."""

import subprocess
import sys
from io import BytesIO

import pytest
from PIL import Image

from bench.records.store import append_record
from bench.report.common.summary import summarize
from bench.report.gallery import PLOT_NAMES, draw_plots
from bench.report.pareto.plots import encode_figure
from bench.report.quality.examples import CELL, draw_sheet, scored_subjects
from bench.report.render import render_report
from pcakd.errors import ConfigError, ImageError, OutputError

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
    for name in PLOT_NAMES:
        assert f"plots/{name}.png" in text
        assert (report.parent / "plots" / f"{name}.svg").read_bytes().startswith(b"<?xml")
        assert (report.parent / "plots" / f"{name}.png").read_bytes().startswith(b"\x89PNG")
    assert "examples.jpg" in text
    assert len(list((report.parent / "tables").iterdir())) == 8
    assert not list(report.parent.rglob("*.part"))


def test_same_records_give_the_same_bytes(report, records):
    for plot in draw_plots(summarize(records))[:1]:
        for kind in ("png", "svg"):
            written = (report.parent / "plots" / f"{plot.name}.{kind}").read_bytes()
            assert encode_figure(plot.figure, kind) == written


def test_plots_that_no_longer_apply_go_away(tmp_path, make_cost):
    (tmp_path / "plots").mkdir()
    (tmp_path / "plots" / "style-ssim.png").touch()
    (tmp_path / "plots" / "own.png").touch()
    render_report(fill(tmp_path, [make_cost()]))
    names = {path.name for path in (tmp_path / "plots").iterdir()}
    assert names == {"own.png", "latency-resolution.png", "latency-resolution.svg"}


def test_machines_are_never_plotted_together(records, make_cost):
    assert draw_plots(summarize([*records, make_cost(device_name="Other CPU")])) == []


def test_plots_of_failures_alone_are_left_out(make_cost, make_quality):
    failed = [make_cost(status="oom"), make_quality(status="error", reason="broken")]
    assert draw_plots(summarize(failed)) == []


def test_captions_name_front_dominated_and_absent(records):
    captions = {plot.name: plot.caption for plot in draw_plots(summarize(records))}
    assert captions["style-ssim"] == (
        "On the front: vgg16 · zca, reinhard. Dominated: vgg16 · adain. Bars: min to max. "
        "On fewer pairs than the others: reinhard (1 of 2). "
        "Untrained, and so not scored: vgg19-full."
    )
    assert captions["latency-gram"] == (
        "On the front: vgg16 · zca, reinhard. Bars: min to max. "
        "No latency was measured there for vgg16 · adain."
    )


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


def test_a_damaged_example(tmp_path):
    (tmp_path / "01").mkdir()
    (tmp_path / "01" / "content.jpg").write_bytes(b"not a picture")
    with pytest.raises(ImageError, match=r"content\.jpg"):
        draw_sheet(tmp_path, {"01": {"vgg16"}})


def test_no_examples_give_no_sheet(tmp_path):
    assert draw_sheet(tmp_path, {"01": {"vgg16"}}) is None
    assert draw_sheet(tmp_path / "absent", {"01": {"vgg16"}}) is None


def test_pictures_that_no_record_speaks_of_are_left_out(tmp_path, make_quality):
    records = [
        make_quality("vgg16"),
        make_quality("content"),  # the input, which has its column
        make_quality("mkl", status="error", reason="broken"),
        make_quality("mkl", pair="02"),
    ]
    for pair in ("01", "02", "03"):
        (tmp_path / pair).mkdir()
        for name in ("content", "style", "vgg16", "mkl", "gone"):
            colour = "red" if name in ("gone", "mkl") else "teal"
            Image.new("RGB", CELL, colour).save(tmp_path / pair / f"{name}.jpg")
    sheet = draw_sheet(tmp_path, scored_subjects(records), order=["vgg16", "mkl"])
    with Image.open(BytesIO(sheet)) as picture:
        rows, columns = picture.height // CELL[1], picture.width // CELL[0]
        step = (CELL[0] + 6, CELL[1] + 6)
        pixels = [
            [picture.getpixel((100 + c * step[0], 60 + r * step[1])) for c in range(columns)]
            for r in range(rows)
        ]
    assert (rows, columns) == (2, 4)
    red = [[pixel[0] > 220 and pixel[1] < 60 for pixel in row] for row in pixels]
    assert red == [[False] * 4, [False, False, False, True]]


def test_a_sheet_without_examples_goes_away(tmp_path, make_quality):
    (tmp_path / "examples.jpg").touch()
    render_report(fill(tmp_path, [make_quality()]))
    assert not (tmp_path / "examples.jpg").exists()
