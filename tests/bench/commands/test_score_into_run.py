"""Anyone's outputs added to a run folder: the same pairs, size and metrics, or a clear refusal."""

import argparse
import dataclasses

import pytest
from PIL import Image
from quality_inputs import save_random

from bench.cli import main
from bench.commands import score
from bench.quality.pairs import describe_pair, find_pairs
from bench.quality.protocol import describe_size
from bench.quality.sizes import fit_within
from bench.quality.values import MetricValues
from bench.records.schema import hash_case
from bench.records.store import append_record, read_records
from bench.report.quality.examples import evaluated_subjects
from pcakd.errors import ConfigError, ShapeError
from pcakd.images import load_image, save_image

SIDE = 64
SIZES = {"01_content": (96, 80), "01_style": (70, 90), "02_content": (40, 60), "02_style": (50, 50)}


NAMES = ("gram", "bounded_gram", "ssim", "lpips")


class FakeMetrics:
    """MetricValues that tell what was compared: the mean difference from the content."""

    def __init__(self, *, names=(), device="cpu", progress=True, max_side=0, multiple_of=1):
        self.size = describe_size(max_side=max_side, multiple_of=multiple_of)
        self.protocol = {name: f"{name}/fake; {self.size}" for name in NAMES}

    def describe_style(self, style):
        return {"style": style}

    def measure(self, output, content, described):
        assert output.shape == content.shape
        assert max(*output.shape[-2:], *described["style"].shape[-2:]) <= 96
        difference = float((output - content).abs().mean())
        return MetricValues(gram=0.5, bounded_gram=0.2, ssim=1 - difference, lpips=difference)


@pytest.fixture(autouse=True)
def _fake_metrics(monkeypatch):
    monkeypatch.setattr("bench.quality.metrics.Metrics", FakeMetrics)


@pytest.fixture
def pairs(tmp_path):
    folder = tmp_path / "pairs"
    folder.mkdir()
    for seed, (name, (height, width)) in enumerate(SIZES.items()):
        save_random(folder / f"{name}.png", height, width, seed)
    return folder


@pytest.fixture
def results(tmp_path, pairs):
    """Return a folder with the contents unchanged, of native size."""
    folder = tmp_path / "tool"
    folder.mkdir()
    for name in ("01", "02"):
        (folder / f"{name}.png").write_bytes((pairs / f"{name}_content.png").read_bytes())
    return folder


@pytest.fixture
def run_folder(tmp_path, pairs, make_cost, make_quality):
    """Return the folder of a run that measured both image pairs at 64 px."""
    folder = tmp_path / "run"
    folder.mkdir()
    append_record(folder, make_cost("vgg16"))
    for pair in find_pairs(pairs):
        info = describe_pair(pair, SIDE)
        record = make_quality(
            pair=info.name, pair_hash=info.hash, width=info.width, height=info.height,
            config={"profile": "quick", "quality_max_side": SIDE},
            protocol=FakeMetrics(max_side=SIDE).protocol,
        )  # fmt: skip
        append_record(folder, record)
    return folder


def call(*arguments):
    parser = argparse.ArgumentParser()
    score.add_arguments(parser)
    return score.run(parser.parse_args([str(each) for each in arguments]))


def test_outputs_of_native_size_are_made_smaller_as_the_runs_pairs_were(
    run_folder, pairs, results, capsys
):
    assert call("--pairs", pairs, "--results", results, "--out", run_folder) == 0
    records = read_records(run_folder)
    first, second = records[-2:]
    assert (first.case.subject, first.case.transform, first.case.pair) == ("tool", "none", "01")
    assert (first.case.width, first.case.height) == (53, 64)
    assert first.case.pair_hash == records[1].case.pair_hash
    assert (first.status, first.ssim, first.lpips) == ("ok", 1.0, 0.0)
    assert [r.config["made_smaller"] for r in (first, second)] == [True, False]
    assert first.protocol["gram"].endswith(
        "at most 64 px a side, outputs read from image files, made smaller from native size"
    )
    assert second.protocol["gram"].endswith("at most 64 px a side, outputs read from image files")
    assert first.case.subject_hash == second.case.subject_hash
    assert str(run_folder / "README.md") in capsys.readouterr().out
    text = (run_folder / "README.md").read_text()
    assert "| tool " in text
    assert "had native size and were made smaller with their image pairs)" in text
    assert (run_folder / "plots" / "style-ssim.png").exists()
    assert not (run_folder / "examples").exists()


def test_outputs_of_the_runs_size_are_taken_as_they_are(run_folder, pairs, results):
    content = fit_within(load_image(pairs / "01_content.png")[None], SIDE)[0]
    save_image(results / "01.png", content)
    call("--pairs", pairs, "--results", results, "--out", run_folder, "--name", "Tool X")
    first = read_records(run_folder)[-2]
    assert first.case.subject == "Tool X"
    assert not first.config["made_smaller"]
    assert first.lpips < 1 / 255


def test_metrics_that_the_other_software_optimises_are_marked(run_folder, pairs, results, capsys):
    options = ("--pairs", pairs, "--results", results, "--out", run_folder)
    call(*options, "--trained-metrics", "gram, lpips")
    assert read_records(run_folder)[-1].trained_metrics == ["gram", "lpips"]
    out = capsys.readouterr().out
    assert "‡: trained on the formula" in out
    page = (run_folder / "README.md").read_text()
    row = next(line for line in page.splitlines() if line.startswith("| tool "))
    cells = [cell.strip() for cell in row.strip("|").split("|")]
    assert cells[-3:] == ["0.500 ‡", "1.000", "0.000 ‡"]
    printed = next(line for line in out.splitlines() if line.startswith("tool"))
    assert printed.split()[2:4] == ["0.200", "‡"]  # Bounded Gram, a relative of gram
    call(*options)  # the marks stay
    assert read_records(run_folder)[-1].trained_metrics == ["gram", "lpips"]


@pytest.mark.parametrize(
    ("names", "message"), [("gram,sim", "metric 'sim' is not known"), ("gram,gram", "given twice")]
)
def test_trained_metrics_that_are_none_are_refused(
    run_folder, pairs, results, capsys, names, message
):
    options = ("--pairs", str(pairs), "--results", str(results), "--out", str(run_folder))
    with pytest.raises(SystemExit) as ended:
        main(["score", *options, "--trained-metrics", names])
    assert ended.value.code == 2
    assert message in capsys.readouterr().err


def test_a_size_that_cannot_be_brought_together_is_refused_and_writes_nothing(
    run_folder, pairs, results
):
    before = (run_folder / "records.jsonl").read_bytes()
    save_random(results / "02.png", 41, 60)
    with pytest.raises(ShapeError, match="pair 02: the output is 60x41 px and its content 60x40"):
        call("--pairs", pairs, "--results", results, "--out", run_folder)
    save_random(results / "01.png", 48, 40)
    with pytest.raises(ShapeError, match="or 53x64, at which they are measured"):
        call("--pairs", pairs, "--results", results, "--out", run_folder)
    assert (run_folder / "records.jsonl").read_bytes() == before
    assert [path.name for path in run_folder.iterdir()] == ["records.jsonl"]


def test_missing_and_broken_outputs_are_results(run_folder, pairs, results, tmp_path, capsys):
    (results / "01.png").write_bytes(b"not an image")
    (results / "02.png").rename(results / "two.png")
    call("--pairs", pairs, "--results", results, "--out", run_folder)
    broken, missing = read_records(run_folder)[-2:]
    assert (broken.status, missing.status) == ("error", "error")
    assert "01.png" in broken.reason
    assert str(tmp_path) not in broken.reason
    assert missing.reason == "there is no output of this pair"
    assert broken.ssim is broken.protocol is None
    notes = capsys.readouterr().err
    assert "no result for 02" in notes
    assert "ignored, no image pair has these names: two.png" in notes
    assert "error: 2" in (run_folder / "README.md").read_text()


def test_the_same_files_may_be_added_again_and_others_need_another_name(run_folder, pairs, results):
    call("--pairs", pairs, "--results", results, "--out", run_folder)
    call("--pairs", pairs, "--results", results, "--out", run_folder)
    text = (run_folder / "tables" / "quality.md").read_text()
    assert text.count("| tool ") == 1
    save_random(results / "02.png", 40, 60)
    with pytest.raises(ConfigError, match="outputs of other files with the name 'tool'"):
        call("--pairs", pairs, "--results", results, "--out", run_folder)


@pytest.mark.parametrize(
    ("name", "message"),
    [("vgg16", "another subject with the name 'vgg16'"), ("a/b", "no slash"), (" ", "printable")],
)
def test_a_name_that_is_taken_or_unfit(run_folder, pairs, results, name, message):
    with pytest.raises(ConfigError, match=message):
        call("--pairs", pairs, "--results", results, "--out", run_folder, "--name", name)


@pytest.mark.parametrize("change", ["less", "more", "other"])
def test_other_pairs_than_the_runs_are_refused(run_folder, pairs, results, change):
    match change:
        case "less":
            (pairs / "02_content.png").unlink()
            (pairs / "02_style.png").unlink()
            message = "evaluated image pair 02, --pairs does not have it"
        case "more":
            for role in ("content", "style"):
                save_random(pairs / f"03_{role}.png", 40, 40)
            message = "has no image pair 03"
        case _:
            save_random(pairs / "02_style.png", 50, 50, seed=9)
            message = "pair 02 of --pairs has other files than the run's"
    with pytest.raises(ConfigError, match=message):
        call("--pairs", pairs, "--results", results, "--out", run_folder)


def test_other_metrics_than_the_runs_are_refused(run_folder, pairs, results, monkeypatch):
    class Newer(FakeMetrics):
        def __init__(self, **options):
            super().__init__(**options)
            self.protocol["ssim"] = f"ssim/newer; {self.size}"

    monkeypatch.setattr("bench.quality.metrics.Metrics", Newer)
    with pytest.raises(ConfigError, match=r"the run's SSIM is 'ssim/fake; .*', this program's is"):
        call("--pairs", pairs, "--results", results, "--out", run_folder)


def test_a_folder_of_several_sizes_is_refused(run_folder, pairs, results):
    record = read_records(run_folder)[-1]
    case = dataclasses.replace(record.case, subject="mkl")
    other = dataclasses.replace(
        record, case=case, case_hash=hash_case(case), config={"quality_max_side": 0}
    )
    append_record(run_folder, other)
    with pytest.raises(ConfigError, match=r"several sizes \(quality_max_side 0, 64\)"):
        call("--pairs", pairs, "--results", results, "--out", run_folder)


def test_a_new_folder_is_measured_at_native_size(tmp_path, pairs, results):
    rows = tmp_path / "rows.json"
    new = tmp_path / "new"
    call("--pairs", pairs, "--results", results, "--out", new, "--json", rows)
    first, _ = read_records(new)
    assert (first.case.width, first.case.height) == (80, 96)
    assert first.config == {"outputs": "files", "quality_max_side": 0, "made_smaller": False}
    assert first.protocol["ssim"].endswith("native size, outputs read from image files")
    assert rows.exists()
    assert (new / "README.md").exists()


def test_rows_on_standard_output_leave_the_page_to_standard_error(
    run_folder, pairs, results, capsys
):
    call("--pairs", pairs, "--results", results, "--out", run_folder, "--json", "-")
    printed = capsys.readouterr()
    assert printed.out.startswith("[")
    assert "at most 64 px a side" in printed.out
    assert "README.md" in printed.err


def test_somewhere_to_write_is_required(pairs, results):
    with pytest.raises(ConfigError, match="give --json FILE, --out RUN_FOLDER or both"):
        call("--pairs", pairs, "--results", results)


def test_external_results_are_not_shown_as_examples(run_folder, pairs, results):
    pair = run_folder / "examples" / "01"
    pair.mkdir(parents=True)
    for name in ("content", "style", "vgg16"):
        Image.new("RGB", (60, 40), "teal").save(pair / f"{name}.jpg")
    call("--pairs", pairs, "--results", results, "--out", run_folder)
    assert "tool" in evaluated_subjects(read_records(run_folder))["01"]
    assert {path.name for path in pair.iterdir()} == {"content.jpg", "style.jpg", "vgg16.jpg"}
    with Image.open(run_folder / "examples.jpg") as sheet:
        assert sheet.width == 3 * 326 + 6
