"""Where the time goes: shares, bounds, thinning; tables, sentences, a plot, a section."""

import dataclasses
import os
from pathlib import Path

import pytest

from bench.report.data import to_csv
from bench.report.render import render_report
from bench.report.stages import FULL_WIDTH_OF, stage_rows, thinnings
from bench.report.stages_page import explain_thinning, stages_section
from bench.report.stages_plot import draw_stages
from bench.report.stages_tables import speedup_data, speedup_table, stages_data, stages_table
from bench.report.summary import summarize
from bench.report.tables import to_latex, to_markdown
from bench.store import append_record

GOLDEN = Path(__file__).parent / "golden"


@pytest.fixture
def pair(make_stages):
    """A student, 6 times as fast with 20 times fewer multiply-adds, and a colour transfer."""
    full = {
        "encode": {"latency_ns": 380_000_000, "macs": 38_000_000_000, "bytes": 2_000_000_000},
        "covariance": {"latency_ns": 50_000_000, "macs": 1_000_000_000, "bytes": 500_000_000},
        "transform": {"latency_ns": 10_000_000, "macs": 500_000_000, "bytes": 100_000_000},
        "decode": {"latency_ns": 560_000_000, "macs": 42_000_000_000, "bytes": 2_000_000_000},
    }
    colour = {"transform": {"latency_ns": 9_000_000, "macs": 3_000_000, "bytes": 90_000_000}}
    return [
        make_stages(),
        make_stages("vgg19-full", latency_ns=[540_000_000] * 6, stages=full),
        make_stages("reinhard", transform="none", latency_ns=[9_000_000] * 6, stages=colour),
    ]


def row_of(records, subject="vgg16"):
    return next(row for row in stage_rows(summarize(records)) if row.subject == subject)


def test_shares_leave_the_filter_out(make_stages):
    row = row_of([make_stages()])
    assert row.watched_ns == 100_000_000
    assert row.share("encode") == 0.6
    assert row.share("filter") is None
    assert sum(row.share(stage) for stage in row.stages if stage != "filter") == pytest.approx(1.0)
    assert row.convolution_share == 0.9
    assert row.bound == pytest.approx(10.0)
    assert row.watching == pytest.approx(1 / 9)


def test_rates_and_intensities(make_stages):
    work = row_of([make_stages()]).convolutions
    assert (work.latency_ns, work.macs, work.bytes) == (90_000_000, 4_000_000_000, 900_000_000)
    assert work.macs_per_second == pytest.approx(4e9 / 0.09)
    assert work.macs_per_byte == pytest.approx(4 / 0.9)


def test_a_colour_transfer_has_a_rate_and_no_bound(pair):
    row = row_of(pair, "reinhard")
    assert row.convolutions is row.convolution_share is row.bound is None
    assert row.has_rate("transform")
    assert not row_of(pair).has_rate("transform")  # tiles fold it away


def test_a_student_is_set_against_its_autoencoder(pair):
    (gain,) = thinnings(stage_rows(summarize(pair)))
    assert (gain.student.subject, gain.full.subject) == ("vgg16", "vgg19-full")
    assert gain.macs_ratio == pytest.approx(20.0)
    assert gain.measured == pytest.approx(6.0)
    share = 0.94
    assert gain.expected == pytest.approx(1 / ((1 - share) + share / 20))


@pytest.mark.parametrize(
    "changes",
    [
        {"width": 640, "height": 480},
        {"transform": "ot"},
        {"threads": 1},
        {"subject": "vgg19-full+fp16"},
        {"status": "oom", "latency_ns": None, "stages": None},
    ],
)
def test_only_like_is_compared_with_like(pair, changes):
    full = pair[1]
    known = {field.name for field in dataclasses.fields(full.case)}
    case = dataclasses.replace(full.case, **{k: v for k, v in changes.items() if k in known})
    rest = {k: v for k, v in changes.items() if k not in known}
    other = dataclasses.replace(full, case=case, case_hash="other", **rest)
    assert thinnings(stage_rows(summarize([pair[0], other]))) == []


def test_precisions_have_autoencoders_of_their_own(make_stages, pair):
    records = [make_stages(f"{name}+fp16") for name in ("mobilenet_v1", "mobilenet_v1-full")]
    (gain,) = thinnings(stage_rows(summarize([*pair[:1], *records])))
    assert gain.full.subject == "mobilenet_v1-full+fp16"
    assert gain.macs_ratio == gain.measured == 1.0


def test_autoencoders_are_subjects():
    from bench.subjects import FULL_WIDTH

    assert set(FULL_WIDTH_OF.values()) == set(FULL_WIDTH)


def test_the_sentences_follow_from_the_figures(pair):
    (gain,) = thinnings(stage_rows(summarize(pair)))
    assert explain_thinning(gain) == (
        "At HD, `vgg16` is 6.00× as fast as `vgg19-full`, with 20.0× fewer multiply-adds in its "
        "convolutions. In watched calls nothing but those convolutions, at the rate of "
        "`vgg19-full`, would take 47.0 ms and be 21.3× as fast. They take 90.0 ms, more because "
        "they run at 44.4 GMACs/s in place of 85.1 GMACs/s, at 4.44 multiply-adds for each byte "
        "that their operators move in place of 20.0; and what is no convolution takes 10.0 ms of "
        "100 ms. The largest part of the latter is covariance; even without any convolution it "
        "would be at most 10.0× as fast as it is."
    )


@pytest.mark.parametrize("name", ["stages.md", "stages.tex", "speedup.tex", "speedup.csv"])
def test_text_is_the_golden_one(pair, make_stages, name):
    failed = make_stages("mobilenet_v1", status="oom", reason="needed more than 2 GiB")
    summary = summarize([*pair, failed])
    text = {
        "stages.md": stages_section(summary, draw_stages(summary)),
        "stages.tex": to_latex(stages_table(summary)),
        "speedup.tex": to_latex(speedup_table(summary)),
        "speedup.csv": to_csv(speedup_data(summary)),
    }[name]
    if os.environ.get("PCAKD_UPDATE_GOLDEN"):
        (GOLDEN / name).write_text(text)
    assert text == (GOLDEN / name).read_text()


def test_every_cell_says_something(pair, make_stages):
    summary = summarize([*pair, make_stages("mobilenet_v1", status="timeout", reason="slow")])
    for table in (stages_table(summary), speedup_table(summary)):
        assert not table.isin(["", "nan", "None", None]).any(axis=None)
        assert not table.isna().any(axis=None)
        assert to_markdown(table)


def test_raw_numbers_are_whole(pair):
    data = stages_data(summarize(pair)).set_index(["subject", "stage"])
    assert data.loc[("vgg16", "encode"), "latency_median_ns"] == 60_000_000
    assert data.loc[("vgg16", "filter"), "macs"] is None
    assert data.loc[("vgg16", "transform"), "macs_per_second"] is None


def test_a_bar_for_each_subject_of_the_most_frequent_size(pair, make_stages):
    fhd = make_stages(resolution="FHD", width=1920, height=1080)
    (plot,) = draw_stages(summarize([*pair, fhd]))
    (axes,) = plot.figure.axes
    labels = [label.get_text() for label in axes.get_yticklabels()]
    assert labels == ["vgg16", "vgg19-full", "reinhard"]
    texts = [text.get_text() for text in axes.texts]
    assert texts[:4] == ["60 %", "8 %", "30 %", "90.0 ms"]
    assert "HD 1280×720" in plot.caption


def test_nothing_is_drawn_or_explained_across_machines(pair, make_stages):
    summary = summarize([*pair, make_stages(device_name="Other CPU")])
    assert draw_stages(summary) == []
    section = stages_section(summary, [])
    assert "Machine" in section
    assert "nothing but" not in section


def test_a_report_without_stages_has_no_section(make_cost):
    summary = summarize([make_cost()])
    assert stages_section(summary, []) == ""
    assert draw_stages(summary) == []


def test_a_report_of_stages_alone(tmp_path, make_stages, make_cost):
    append_record(tmp_path, make_stages())
    text = render_report(tmp_path).read_text()
    assert "## Where the time goes" in text
    assert "plots/stages.png" in text
    assert {path.name for path in (tmp_path / "plots").iterdir()} == {"stages.png", "stages.svg"}
    names = {path.name for path in (tmp_path / "tables").iterdir()}
    assert names >= {"stages.md", "stages.csv", "stages.tex", "speedup.md", "speedup.csv"}

    (tmp_path / "records.jsonl").unlink()
    append_record(tmp_path, make_cost())
    assert "Where the time goes" not in render_report(tmp_path).read_text()
    assert not (tmp_path / "plots" / "stages.png").exists()
