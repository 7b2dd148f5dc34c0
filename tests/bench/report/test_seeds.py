"""How far scores move by the seed alone: a table, and a place in no other one."""

import os
from pathlib import Path

import pytest
from PIL import Image

from bench.report.data import to_csv
from bench.report.gallery import draw_plots
from bench.report.render import render_report
from bench.report.seeds import seed_rows, seeds_data, seeds_section, seeds_table
from bench.report.summary import summarize
from bench.report.tables import to_latex
from bench.store import append_record

GOLDEN = Path(__file__).parent / "golden"


@pytest.fixture
def trainings(make_quality):
    scores = {
        "vgg16": (0.50, 0.60), "vgg16-seed1": (0.52, 0.60), "vgg16-seed2": (0.48, 0.66),
        "mkl": (0.8, 0.9), "other-seed1": (0.7, 0.7),
    }  # fmt: skip
    return [
        make_quality(subject, pair=f"0{number}", gram=gram)
        for subject, both in scores.items()
        for number, gram in enumerate(both, 1)
    ]


def test_means_spread_and_deviation(trainings):
    row = seed_rows(summarize(trainings))[0]
    assert (row.subject, row.metric, row.num_pairs) == ("vgg16", "gram", 2)
    assert row.means == pytest.approx({"itself": 0.55, "seed 1": 0.56, "seed 2": 0.57})
    assert row.spread == pytest.approx(0.02)
    assert row.deviation == pytest.approx(0.01)


def test_means_are_over_the_pairs_that_all_have(trainings, make_quality):
    more = make_quality(pair="03", gram=9.0)
    failed = make_quality("vgg16-seed2", pair="02", status="error", reason="broken")
    row = seed_rows(summarize([*trainings, more, failed]))[0]
    assert row.num_pairs == 1
    assert row.means == pytest.approx({"itself": 0.50, "seed 1": 0.52, "seed 2": 0.48})


def test_other_pictures_and_protocols_are_no_common_pairs(make_quality):
    records = [make_quality(), make_quality("vgg16-seed1", pair_hash="other")]
    assert seed_rows(summarize(records)) == []
    records = [make_quality(), make_quality("vgg16-seed1", protocol={"gram": "gram/2"})]
    assert [row.metric for row in seed_rows(summarize(records))] == []


@pytest.mark.parametrize("name", ["seeds.md", "seeds.tex", "seeds.csv"])
def test_text_is_the_golden_one(trainings, make_quality, name):
    lone = [make_quality("mkl-seed3", transform="ot"), make_quality("mkl", transform="ot")]
    summary = summarize([*trainings, *lone])
    text = {
        "seeds.md": seeds_section(summary),
        "seeds.tex": to_latex(seeds_table(summary)),
        "seeds.csv": to_csv(seeds_data(summary)),
    }[name]
    if os.environ.get("PCAKD_UPDATE_GOLDEN"):
        (GOLDEN / name).write_text(text)
    assert text == (GOLDEN / name).read_text()


def test_further_trainings_are_in_no_other_table_or_plot(tmp_path, trainings, make_cost):
    for record in [*trainings, make_cost("vgg16"), make_cost("vgg16-seed1")]:
        append_record(tmp_path, record)
    pair = tmp_path / "examples" / "01"
    pair.mkdir(parents=True)
    for name in ("content", "style", "vgg16", "vgg16-seed1"):
        Image.new("RGB", (12, 8), "teal").save(pair / f"{name}.jpg")
    text = render_report(tmp_path).read_text()
    assert "3 subjects and 2 further trainings by other seeds" in text
    assert "## How far scores move by the seed alone" in text
    for name in ("overview", "quality"):
        table = (tmp_path / "tables" / f"{name}.md").read_text()
        assert "other-seed1" in table  # it has nothing to stand beside
        assert "vgg16-seed" not in table
    assert "vgg16-seed" not in (tmp_path / "tables" / "quality.csv").read_text()
    assert {"seeds.md", "seeds.csv", "seeds.tex"} <= {
        path.name for path in (tmp_path / "tables").iterdir()
    }
    captions = [plot.caption for plot in draw_plots(summarize(trainings))]
    assert captions
    assert not any("vgg16-seed" in caption for caption in captions)
    with Image.open(tmp_path / "examples.jpg") as sheet:
        assert sheet.width < 4 * 326  # content, style, vgg16


def test_nothing_complains_of_a_missing_cost(trainings):
    captions = {plot.name: plot.caption for plot in draw_plots(summarize(trainings))}
    assert "style-ssim" in captions
    assert not any("seed2" in caption for caption in captions.values())


def test_a_report_without_seeds_has_no_section(make_quality):
    assert seeds_section(summarize([make_quality(), make_quality("mkl")])) == ""


def test_machines_stay_apart(make_quality):
    records = [make_quality(), make_quality("vgg16-seed1", device_name="Other CPU")]
    assert seed_rows(summarize(records)) == []
