import json
import shutil
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from bench.ablations import scoring, training
from bench.ablations.records import LeverRecord, load_records, save_record
from bench.ablations.scoring import Scorer
from bench.ablations.table import write_page
from bench.cli import main
from bench.plan.image_pairs import ImagePair
from bench.quality.pairs import find_pairs
from pcakd.students import StudentSpec, create_student, save_student

PLAN = """
[base]
about = "a base"
options = "--backbone tiny --steps 4,30,2 --rate 0.003 --crop 32 --batch 2 \
--basis-images 4 --held-out 2 --set min_r2_share=-99 --set max_dead_share=1 --set max_attempts=2"

[twins]
base = "base"
about = "all couples are twins"
options = "--set twins=1"

[hopeless]
base = "base"
about = "nothing is good enough"
options = "--set min_r2_share=2"
"""


class Stand:
    """Scores without any network: 1 for the student `twins`, 0 for others."""

    pairs_hash = "0"
    protocol = {"gram": "a stand-in"}  # noqa: RUF012

    def __init__(self, pairs: Sequence[ImagePair], device: torch.device) -> None:
        self.pairs = pairs

    def score(self, student: Path) -> dict[str, dict[str, float]]:
        value = float(student.stem == "twins")
        return {m: {pair.name: value for pair in self.pairs} for m in ("gram", "ssim", "lpips")}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a folder with photographs, four pairs and a plan, where scores need no weights."""
    rng = np.random.default_rng(0)
    for place in ("photos", "pairs"):
        (tmp_path / place).mkdir()
    for index in range(16):
        coarse = Image.fromarray(rng.integers(0, 256, (6, 7, 3), dtype=np.uint8))
        name = f"{index // 2:02d}_{'style' if index % 2 else 'content'}.png"
        path = tmp_path / "pairs" / name if index < 8 else tmp_path / "photos" / f"{index}.png"
        coarse.resize((70, 60), Image.Resampling.BICUBIC).save(path)
    (tmp_path / "levers.toml").write_text(PLAN, encoding="utf-8")
    monkeypatch.setattr(scoring, "Scorer", Stand)
    return tmp_path


def run(folder: Path, *names: str) -> int:
    options = ["--plan", "levers.toml", "--data", "photos", "--pairs", "pairs", "--out", "out"]
    places = [str(folder / each) if each[0] != "-" else each for each in options]
    return main(["levers", *places, "--work", str(folder / "work"), *names])


def test_levers_are_trained_once_scored_and_shown(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert run(folder, "twins", "hopeless") == 0
    records = load_records(folder / "out")
    assert {*records} == {"base", "twins", "hopeless"}
    assert records["twins"].card["recipe"]["twins"] == 1.0
    assert records["base"].card["recipe"]["twins"] != 1.0
    assert records["hopeless"].card == {}
    failure = records["hopeless"].failure or ""
    assert failure.startswith("encoder collapsed: tap 1 has an R²")
    assert "gave up after 2 attempts" in failure
    page = (folder / "out" / "README.md").read_text(encoding="utf-8")
    (row,) = [line for line in page.splitlines() if line.startswith("| twins")]
    assert "`--set twins=1`" in row
    assert "1.000 (+1.000 [+1.000, +1.000])" in row
    assert "`hopeless` failed: encoder collapsed" in page

    monkeypatch.setattr(training, "distill", pytest.fail)  # what has a record is not trained again
    assert run(folder) == 0
    assert (folder / "out" / "README.md").read_text(encoding="utf-8") == page
    assert main(["levers", "--out", str(folder / "out")]) == 0

    plan = PLAN.replace("all couples are twins", "no couple differs")  # words, and what it is from
    plan = plan.replace('[hopeless]\nbase = "base"', "[hopeless]")
    options = PLAN.split("options = ")[1].split("\n\n")[0].strip('"').replace("\\\n", "")
    plan = plan.replace("--set min_r2_share=2", f"{options} --set min_r2_share=2")
    (folder / "levers.toml").write_text(plan, encoding="utf-8")
    assert run(folder) == 0
    records = load_records(folder / "out")
    assert records["twins"].about == "no couple differs"
    assert records["twins"].base == "base"
    assert records["hopeless"].base is None
    assert records["hopeless"].base_recipe == records["hopeless"].recipe
    assert records["hopeless"].failure


def test_an_option_that_moves_from_a_lever_to_its_base_leaves_them_comparable(folder: Path) -> None:
    before = '[twins]\nbase = "base"\nabout = "all couples are twins"\noptions = "--set twins=1"'
    plan = PLAN.split("[twins]")[0] + before
    both = plan.replace("--set twins=1", "--set exposure=0 --set twins=1")
    for text in (
        both,
        plan.replace("--set max_attempts=2", "--set max_attempts=2 --set exposure=0"),
    ):
        (folder / "levers.toml").write_text(text, encoding="utf-8")
        assert run(folder) == 0
        records = load_records(folder / "out")
        assert records["twins"].incomparable(records["base"]) is None


def test_a_stopped_lever_goes_on_and_a_changed_one_starts_anew(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole, resumed = training.distill, []

    def distill(request):
        resumed.append(request.resume)
        student = whole(request)
        if len(resumed) == 1:
            raise KeyboardInterrupt
        return student

    monkeypatch.setattr(training, "distill", distill)
    monkeypatch.setattr(Stand, "score", lambda *_: {"gram": {"00": 1.0}})
    assert run(folder, "base") == 130
    assert not [*(folder / "out").iterdir()]
    assert run(folder, "base") == 0
    changed = PLAN.replace("--steps 4,30,2", "--steps 5,30,2")
    (folder / "levers.toml").write_text(changed, encoding="utf-8")
    assert run(folder, "base") == 0
    assert resumed == [False, True, False]
    assert load_records(folder / "out")["base"].card["recipe"]["encoder"]["steps"] == 5


def test_students_of_another_machine_are_scored_as_they_are(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    work = folder / "work"
    plan, photos = str(folder / "levers.toml"), str(folder / "photos")
    command = ["levers", "--plan", plan, "--data", photos, "--work", str(work), "--train-only"]
    for name in ("twins", "hopeless"):  # alone: a base is not trained with its lever
        assert main([*command, name]) == 0
        (trained,) = work.glob(f"{name}-*-cpu")
        outcome = trained / "outcome.json"
        content = json.loads(outcome.read_text(encoding="utf-8"))
        content["environment"]["device_name"] = "another machine"
        outcome.write_text(json.dumps(content), encoding="utf-8")
        trained.rename(trained.with_name(trained.name.replace("-cpu", "-cuda")))
    printed = capsys.readouterr().out
    assert "-cpu/twins.safetensors\n" in printed
    assert "hopeless: encoder collapsed" in printed

    whole, trained_here = training.distill, []

    def distill(request):
        trained_here.append(request.name)
        return whole(request)

    monkeypatch.setattr(training, "distill", distill)
    assert run(folder) == 0
    assert trained_here == ["base"]
    records = load_records(folder / "out")
    assert {*records} == {"base", "twins", "hopeless"}
    assert records["twins"].scores["gram"]["00"] == 1
    assert records["twins"].environment["device_name"] == "another machine"
    assert records["twins"].incomparable(records["base"]) == "another machine"

    (done,) = work.glob("hopeless-*-cuda")
    shutil.copytree(done, str(done).replace("-cuda", "-mps"))
    assert main([*command, "hopeless"]) == 2
    assert "-cuda, hopeless-" in capsys.readouterr().err  # which of the two is not for us to say
    (done / "outcome.json").rename(done.with_name("elsewhere"))
    assert main([*command, "hopeless"]) == 0
    assert "hopeless: nothing is good enough (trained already)" in capsys.readouterr().err
    (done,) = work.glob("hopeless-*/outcome.json")
    done.write_text("{}", encoding="utf-8")
    assert main([*command, "hopeless"]) == 2
    assert "outcome.json or its student is damaged; delete its folder" in capsys.readouterr().err
    next(work.glob("twins-*/twins.safetensors")).unlink()
    assert main([*command, "twins"]) == 2
    assert "outcome.json or its student is damaged; delete its folder" in capsys.readouterr().err


def test_what_is_wrong_is_told_before_anything_is_trained(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(training, "distill", pytest.fail)
    out, photos = str(folder / "out"), str(folder / "photos")
    for options, message in (
        ([], "holds no record; give --data and --pairs"),
        (["base"], "give --data DIR"),
        (["--data", photos], "give --pairs DIR"),
        (["--train-only"], "give --data DIR"),
        (["--train-only", "--data", photos], "drop --pairs and --out"),
    ):
        assert main(["levers", "--out", out, *options]) == 2
        assert message in capsys.readouterr().err
    assert main(["levers", "--data", photos]) == 2
    assert "give --out DIR" in capsys.readouterr().err
    (folder / "levers.toml").write_text(PLAN + "[x]\nabout = ''\noptions = '--step 3'\n")
    assert run(folder) == 2
    assert "bench: error: lever x: " in capsys.readouterr().err
    (folder / "levers.toml").write_text(PLAN)
    shutil.copy(folder / "photos" / "9.png", folder / "pairs" / "00_style.png")
    assert run(folder) == 2
    assert "00_style.png is 9.png of the training photographs" in capsys.readouterr().err
    assert not (folder / "out").exists()


def test_damaged_records_are_told(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = folder / "out"
    out.mkdir()
    for content, message in (
        ({"format": 1}, "a.json is no record of a lever"),
        ([], "a.json is no record of a lever"),
        ({"format": 2, "names": []}, "a.json is of another format"),
    ):
        (out / "a.json").write_text(json.dumps(content), encoding="utf-8")
        assert main(["levers", "--out", str(out)]) == 2
        assert message in capsys.readouterr().err


def _record(**changes: object) -> LeverRecord:
    tap = {"r2": 0.4, "ceiling": 0.8, "channels": 10, "dead_channels": 0}
    legs = [{"taps": [tap] * 4}, {"held_out_losses": {"image4": 0.0123}, "taps": [tap] * 4}]
    fields = {
        "name": "b",
        "base": None,
        "about": "|",
        "options": ["--steps", "2"],
        "recipe": {"seed": 0},
        "base_recipe": {"seed": 0},
        "photos": "1",
        "pairs": "2",
        "commit": "0123abc",
        "environment": {"device_name": "a CPU", "threads": 1, "torch": "2.9.0"},
        "card": {"legs": legs, "core_minutes": 3.25},
        "scores": {"gram": {f"{pair:02d}": pair / 10 for pair in range(8)}},
    }
    return LeverRecord(**{**fields, **changes})


def test_records_come_back_and_make_one_page(tmp_path: Path) -> None:
    base, same = _record(), _record(name="a", base="b", about="none")
    for record in (base, same):
        save_record(tmp_path, record)
    records = load_records(tmp_path)
    assert records == {"a": same, "b": base}
    page = write_page(records)
    assert "0.40, 0.40, 0.40, 0.40 (50%, 50%, 50%, 50%)" in page
    assert "0.012" in page
    assert "3.2 core" in page
    assert "0.350 (+0.000 [+0.000, +0.000])" in page
    assert "* device_name a CPU, threads 1, torch 2.9.0, commit `0123abc`: a, b." in page


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"pairs": "3"}, "other pairs"),
        ({"photos": "3"}, "other photographs"),
        ({"base_recipe": {"seed": 1}}, "another recipe of the base"),
        ({"options": ["--steps", "3"]}, "another base"),
        ({"protocol": {"gram": "b"}}, "another protocol"),
        ({"environment": {}}, "another machine"),
    ],
)
def test_what_cannot_be_compared_gets_no_difference(
    changes: dict[str, object], reason: str
) -> None:
    page = write_page({"b": _record(), "a": _record(name="a", base="b", **changes)})
    assert f"`a` is not comparable: {reason}" in page
    assert "+0.000" not in page


def test_another_seed_holds_out_other_photographs_of_the_same_folder() -> None:
    lever = _record(name="a", base="b", photos="3", recipe={"seed": 1})
    page = write_page({"b": _record(), "a": lever})
    assert "not comparable" not in page
    assert "+0.000" in page


def test_a_number_that_one_recipe_has_no_name_for_is_of_another_commit() -> None:
    base = {**_record().recipe, "trial": 0}
    lever = _record(name="a", base="b", base_recipe=base, commit="4567def")
    page = write_page({"b": _record(), "a": lever})
    assert "`a` was recorded at another commit than its base" in page
    assert "+0.000" in page


def test_a_record_is_of_its_options_and_images() -> None:
    record, recipe = _record(), {"seed": 0}
    assert record.is_of(["--steps", "2"], recipe, "1", "2")
    # the teacher's weights are in no recipe
    assert not record.is_of(["--steps", "2", "--weights", "torchvision"], recipe, "1", "2")
    assert not record.is_of(["--steps", "2"], {"seed": 1}, "1", "2")
    assert not record.is_of(["--steps", "2"], recipe, "0", "2")
    assert not record.is_of(["--steps", "2"], recipe, "1", "0")


def test_other_commits_and_lost_bases_are_told() -> None:
    page = write_page({"b": _record(), "a": _record(name="a", base="b", commit="4567def")})
    assert "`a` was recorded at another commit than its base" in page
    assert "Without a record of their base: a." in write_page({"a": _record(name="a", base="b")})


@pytest.mark.weights
def test_students_are_scored_by_the_harness(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    for role in ("content", "style"):
        pixels = rng.integers(0, 256, (48, 64, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(tmp_path / f"00_{role}.png")
    student = create_student(StudentSpec(architecture="tiny", ranks=(4, 6, 8, 8)), seed=0)
    save_student(tmp_path / "mine.safetensors", student)
    scorer = Scorer(find_pairs(tmp_path), torch.device("cpu"))
    scores = scorer.score(tmp_path / "mine.safetensors")
    assert {*scores} == {*scorer.protocol} == {"gram", "ssim", "lpips"}
    assert all({*by_pair} == {"00"} for by_pair in scores.values())
