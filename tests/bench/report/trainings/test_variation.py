"""Variation between trainings: tables, and absence from all other tables."""

import pytest
from PIL import Image

from bench.records.store import append_record
from bench.report.common.summary import summarize
from bench.report.pareto.section import pareto_plots
from bench.report.render import render_report
from bench.report.trainings.section import make_section
from bench.report.trainings.variation import TABLE_NAMES, training_rows, trainings_table


@pytest.fixture
def trainings(make_quality):
    values = {
        "vgg16": (0.50, 0.60), "vgg16-seed1": (0.52, 0.60), "vgg16-seed2": (0.48, 0.66),
        "mkl": (0.8, 0.9), "other-seed1": (0.7, 0.7),
    }  # fmt: skip
    return [
        make_quality(subject, pair=f"0{number}", gram=gram)
        for subject, both in values.items()
        for number, gram in enumerate(both, 1)
    ]


def test_means_range_and_deviation(trainings):
    row = training_rows(summarize(trainings), "seed")[0]
    assert (row.subject, row.metric, row.num_image_pairs) == ("vgg16", "gram", 2)
    assert row.means == pytest.approx({"itself": 0.55, "seed 1": 0.56, "seed 2": 0.57})
    assert row.range == pytest.approx(0.02)
    assert row.deviation == pytest.approx(0.01)


def test_means_are_over_common_image_pairs(trainings, make_quality):
    more = make_quality(pair="03", gram=9.0)
    failed = make_quality("vgg16-seed2", pair="02", status="error", reason="broken")
    row = training_rows(summarize([*trainings, more, failed]), "seed")[0]
    assert row.num_image_pairs == 1
    assert row.means == pytest.approx({"itself": 0.50, "seed 1": 0.52, "seed 2": 0.48})


def test_other_images_and_protocols_are_not_common_image_pairs(make_quality):
    records = [make_quality(), make_quality("vgg16-seed1", pair_hash="other")]
    assert training_rows(summarize(records), "seed") == []
    records = [make_quality(), make_quality("vgg16-seed1", protocol={"gram": "gram/2"})]
    assert [row.metric for row in training_rows(summarize(records), "seed")] == []


@pytest.mark.parametrize("moved", ["seed", "on"])
def test_texts_are_the_golden_ones(trainings, make_quality, moved, check_golden):
    if moved == "seed":
        more = [make_quality("mkl-seed3", transform="ot"), make_quality("mkl", transform="ot")]
    else:
        trainings = [each for each in trainings if "-seed" not in each.case.subject]
        values = {"gpu": (0.49, 0.62), "half": (0.51, 0.60), "other-half": (0.50, 0.51)}
        more = [
            make_quality(f"vgg16-on-{on}", pair=f"0{number}", gram=gram)
            for on, both in values.items()
            for number, gram in enumerate(both, 1)
        ]
    for name, text in trainings_table(summarize([*trainings, *more]), moved).files().items():
        check_golden(name, text)


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
    assert "3 subjects, 3 further trainings" in text
    assert "## Variation between training seeds" in text
    assert "## Variation between training machines and training images" in text
    for name in ("overview", "quality"):
        table = (tmp_path / "tables" / f"{name}.md").read_text()
        assert "other-seed1" in table  # its subject is missing
        assert "vgg16-" not in table
    assert "vgg16-" not in (tmp_path / "tables" / "quality.csv").read_text()
    written = {path.name for path in (tmp_path / "tables").iterdir()}
    assert {f"{name}.{e}" for name in TABLE_NAMES.values() for e in ("md", "csv", "tex")} <= written
    captions = [plot.caption for plot in pareto_plots(summarize(trainings))]
    assert captions
    assert not any("vgg16-seed" in caption for caption in captions)
    with Image.open(tmp_path / "examples.jpg") as sheet:
        assert sheet.width < 4 * 326  # content, style, vgg16


def test_captions_do_not_name_further_trainings(trainings):
    captions = {plot.name: plot.caption for plot in pareto_plots(summarize(trainings))}
    assert "style-ssim" in captions
    assert not any("seed2" in caption for caption in captions.values())


def test_the_largest_change_is_from_the_subject_itself(make_quality):
    values = {"vgg16": 0.5, "vgg16-on-gpu": 0.47, "vgg16-on-half": 0.51}
    records = [make_quality(name, gram=gram) for name, gram in values.items()]
    row = training_rows(summarize(records), "on")[0]
    assert row.means == pytest.approx({"itself": 0.5, "on gpu": 0.47, "on half": 0.51})
    assert row.largest_change == pytest.approx(0.03)
    failed = make_quality(status="error", reason="broken")
    (row, *_) = training_rows(summarize([failed, *records[1:]]), "on")
    assert row.largest_change is None


def test_a_report_without_further_trainings_has_no_section(make_quality):
    assert make_section(summarize([make_quality(), make_quality("mkl")])).text == ""


def test_trainings_are_not_compared_across_kinds_of_devices(make_quality):
    records = [make_quality(), make_quality("vgg16-seed1", device="cuda", device_name="A GPU")]
    assert training_rows(summarize(records), "seed") == []
