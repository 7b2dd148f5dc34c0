"""How far scores move from training to training: tables, and a place in no other one."""

import os
from pathlib import Path

import pytest
from PIL import Image

from bench.records.store import append_record
from bench.report.common.data import to_csv
from bench.report.common.summary import summarize
from bench.report.common.tables import to_latex
from bench.report.gallery import draw_plots
from bench.report.render import render_report
from bench.report.trainings.variation import (
    training_rows,
    trainings_data,
    trainings_sections,
    trainings_table,
)

GOLDEN = Path(__file__).parents[1] / "golden"


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
    row = training_rows(summarize(trainings), "seed")[0]
    assert (row.subject, row.metric, row.num_pairs) == ("vgg16", "gram", 2)
    assert row.means == pytest.approx({"itself": 0.55, "seed 1": 0.56, "seed 2": 0.57})
    assert row.spread == pytest.approx(0.02)
    assert row.deviation == pytest.approx(0.01)


def test_means_are_over_the_pairs_that_all_have(trainings, make_quality):
    more = make_quality(pair="03", gram=9.0)
    failed = make_quality("vgg16-seed2", pair="02", status="error", reason="broken")
    row = training_rows(summarize([*trainings, more, failed]), "seed")[0]
    assert row.num_pairs == 1
    assert row.means == pytest.approx({"itself": 0.50, "seed 1": 0.52, "seed 2": 0.48})


def test_other_pictures_and_protocols_are_no_common_pairs(make_quality):
    records = [make_quality(), make_quality("vgg16-seed1", pair_hash="other")]
    assert training_rows(summarize(records), "seed") == []
    records = [make_quality(), make_quality("vgg16-seed1", protocol={"gram": "gram/2"})]
    assert [row.metric for row in training_rows(summarize(records), "seed")] == []


@pytest.mark.parametrize("table", ["seeds", "conditions"])
@pytest.mark.parametrize("ending", ["md", "tex", "csv"])
def test_text_is_the_golden_one(trainings, make_quality, table, ending):
    if table == "seeds":
        more = [make_quality("mkl-seed3", transform="ot"), make_quality("mkl", transform="ot")]
    else:
        trainings = [each for each in trainings if "-seed" not in each.case.subject]
        scores = {"gpu": (0.49, 0.62), "half": (0.51, 0.60), "other-half": (0.50, 0.51)}
        more = [
            make_quality(f"vgg16-on-{on}", pair=f"0{number}", gram=gram)
            for on, both in scores.items()
            for number, gram in enumerate(both, 1)
        ]
    summary, moved = summarize([*trainings, *more]), "seed" if table == "seeds" else "on"
    name, text = (
        f"{table}.{ending}",
        {
            "md": trainings_sections(summary),
            "tex": to_latex(trainings_table(summary, moved)),
            "csv": to_csv(trainings_data(summary, moved)),
        }[ending],
    )
    if os.environ.get("PCAKD_UPDATE_GOLDEN"):
        (GOLDEN / name).write_text(text)
    assert text == (GOLDEN / name).read_text()


def test_further_trainings_are_in_no_other_table_or_plot(
    tmp_path, trainings, make_cost, make_quality
):
    own = make_cost("vgg16"), make_cost("vgg16-seed1")
    for record in [*trainings, make_quality("vgg16-on-gpu"), *own]:
        append_record(tmp_path, record)
    pair = tmp_path / "examples" / "01"
    pair.mkdir(parents=True)
    for name in ("content", "style", "vgg16", "vgg16-seed1"):
        Image.new("RGB", (12, 8), "teal").save(pair / f"{name}.jpg")
    text = render_report(tmp_path).read_text()
    assert "3 subjects and 3 further trainings" in text
    assert "## How far scores move by the seed alone" in text
    assert "## How far scores move by the machine and the photographs" in text
    for name in ("overview", "quality"):
        table = (tmp_path / "tables" / f"{name}.md").read_text()
        assert "other-seed1" in table  # it has nothing to stand beside
        assert "vgg16-" not in table
    assert "vgg16-" not in (tmp_path / "tables" / "quality.csv").read_text()
    written = {path.name for path in (tmp_path / "tables").iterdir()}
    assert {
        f"{name}.{e}" for name in ("seeds", "conditions") for e in ("md", "csv", "tex")
    } <= written
    captions = [plot.caption for plot in draw_plots(summarize(trainings))]
    assert captions
    assert not any("vgg16-seed" in caption for caption in captions)
    with Image.open(tmp_path / "examples.jpg") as sheet:
        assert sheet.width < 4 * 326  # content, style, vgg16


def test_nothing_complains_of_a_missing_cost(trainings):
    captions = {plot.name: plot.caption for plot in draw_plots(summarize(trainings))}
    assert "style-ssim" in captions
    assert not any("seed2" in caption for caption in captions.values())


def test_the_farthest_is_told_from_the_subject_itself(make_quality):
    scores = {"vgg16": 0.5, "vgg16-on-gpu": 0.47, "vgg16-on-half": 0.51}
    records = [make_quality(name, gram=gram) for name, gram in scores.items()]
    row = training_rows(summarize(records), "on")[0]
    assert row.means == pytest.approx({"itself": 0.5, "on gpu": 0.47, "on half": 0.51})
    assert row.farthest == pytest.approx(0.03)
    failed = make_quality(status="error", reason="broken")
    (row, *_) = training_rows(summarize([failed, *records[1:]]), "on")
    assert row.farthest is None


def test_a_report_without_further_trainings_has_no_section(make_quality):
    assert trainings_sections(summarize([make_quality(), make_quality("mkl")])) == ""


def test_machines_stay_apart(make_quality):
    records = [make_quality(), make_quality("vgg16-seed1", device_name="Other CPU")]
    assert training_rows(summarize(records), "seed") == []
