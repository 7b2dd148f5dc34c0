import json
import shutil
from pathlib import Path

import pytest
import torch

from bench.cli import main
from bench.sweeps import costs, scoring, training
from bench.sweeps.records import load_records
from pcakd.errors import TrainingError
from pcakd.students import load_student
from pcakd.utils.git import name_commit
from tests.makers.tiny_sweeps import StandIn, write_images

PLAN = """
[base]
about = "a base"
[base.options]
backbone = "tiny"
steps = [4, 30, 2]
rate = 0.003
crop = 32
batch = 2
basis_images = 4
held_out = 2
set = { min_r2_share = -99, max_dead_share = 1, max_attempts = 2 }

[identity]
base = "base"
about = "all image pairs are identity pairs"
options.set = { identity_share = 1 }

[hopeless]
base = "base"
about = "nothing is good enough"
options.set = { min_r2_share = 2 }
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a folder with photographs, four image pairs and a plan."""
    write_images(tmp_path, photos=8, pairs=4)
    (tmp_path / "ablations.toml").write_text(PLAN, encoding="utf-8")
    monkeypatch.setattr(scoring, "Scorer", StandIn)
    return tmp_path


def run(folder: Path, *names: str) -> int:
    options = ["--plan", "ablations.toml", "--data", "photos", "--pairs", "pairs", "--out", "out"]
    places = [str(folder / each) if each[0] != "-" else each for each in options]
    return main(["sweep", *places, "--work", str(folder / "work"), "--no-costs", *names])


def test_ablations_are_trained_once_scored_and_shown(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert run(folder, "identity", "hopeless") == 0
    records = load_records(folder / "out")
    assert {*records} == {"base", "identity", "hopeless"}
    assert records["identity"].card["recipe"]["identity_share"] == 1.0
    assert records["base"].card["recipe"]["identity_share"] != 1.0
    assert records["hopeless"].card == {}
    failure = records["hopeless"].failure or ""
    assert failure.startswith("encoder collapsed: tap 1 has an R²")
    assert "gave up after 2 attempts" in failure
    page = (folder / "out" / "README.md").read_text(encoding="utf-8")
    (row,) = [line for line in page.splitlines() if line.startswith("| identity")]
    assert "`--set identity_share=1`" in row
    assert "1.000 (+1.000)" in row  # four image pairs have no interval
    assert "`hopeless` failed: encoder collapsed" in page
    if name_commit() is not None:
        assert len([*(folder / "work" / "shared").glob("*/*")]) == 1  # base and identity share

    monkeypatch.setattr(training, "distill", pytest.fail)  # what has a record is not trained again
    assert run(folder) == 0
    assert (folder / "out" / "README.md").read_text(encoding="utf-8") == page
    assert main(["sweep", "--out", str(folder / "out")]) == 0

    plan = PLAN.replace("all image pairs are identity pairs", "no image pair differs")
    plan = plan.replace('[hopeless]\nbase = "base"', "[hopeless]")  # other words, another base
    options = PLAN.split("[base.options]")[1].split("\n\n")[0]
    plan = plan.replace(
        "options.set = { min_r2_share = 2 }",
        f"[hopeless.options]{options.replace('min_r2_share = -99', 'min_r2_share = 2')}",
    )
    (folder / "ablations.toml").write_text(plan, encoding="utf-8")
    assert run(folder) == 0
    records = load_records(folder / "out")
    assert records["identity"].about == "no image pair differs"
    assert records["identity"].base == "base"
    assert records["hopeless"].base is None
    assert records["hopeless"].base_recipe == records["hopeless"].recipe
    assert records["hopeless"].failure


def test_an_option_that_moves_to_the_base_leaves_records_comparable(folder: Path) -> None:
    plan = PLAN.split("[hopeless]")[0]
    for text in (
        plan.replace("identity_share = 1", "exposure = 0, identity_share = 1"),
        plan.replace("max_attempts = 2", "max_attempts = 2, exposure = 0"),
    ):
        (folder / "ablations.toml").write_text(text, encoding="utf-8")
        assert run(folder) == 0
        records = load_records(folder / "out")
        assert records["identity"].incomparable(records["base"]) is None


def test_a_stopped_ablation_resumes_and_a_changed_one_starts_again(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole, resumed = training.distill, []

    def distill(config, **options):
        resumed.append(config.resume)
        result = whole(config, **options)
        if len(resumed) == 1:
            raise KeyboardInterrupt
        return result

    monkeypatch.setattr(training, "distill", distill)
    monkeypatch.setattr(StandIn, "score", lambda *_: {"gram": {"00": 1.0}})
    assert run(folder, "base") == 130
    assert not (folder / "out").exists()
    assert run(folder, "base") == 0
    changed = PLAN.replace("steps = [4, 30, 2]", "steps = [5, 30, 2]")
    (folder / "ablations.toml").write_text(changed, encoding="utf-8")
    assert run(folder, "base") == 0
    assert resumed == [False, True, False]
    assert load_records(folder / "out")["base"].card["recipe"]["encoder"]["steps"] == 5


def test_students_of_another_machine_are_scored_as_they_are(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    work = folder / "work"
    plan, photos = str(folder / "ablations.toml"), str(folder / "photos")
    command = ["sweep", "--plan", plan, "--data", photos, "--work", str(work), "--train-only"]
    for name in ("identity", "hopeless"):  # alone: the base is not trained
        assert main([*command, name]) == 0
        (trained,) = work.glob(f"{name}-*-cpu")
        outcome = trained / "outcome.json"
        content = json.loads(outcome.read_text(encoding="utf-8"))
        content["environment"]["device_name"] = "another machine"
        outcome.write_text(json.dumps(content), encoding="utf-8")
        trained.rename(trained.with_name(trained.name.replace("-cpu", "-cuda")))
    printed = capsys.readouterr().out
    assert "-cpu/identity.safetensors\n" in printed
    assert "hopeless: encoder collapsed" in printed

    whole, trained_here = training.distill, []

    def distill(config, **options):
        trained_here.append(config.name)
        return whole(config, **options)

    monkeypatch.setattr(training, "distill", distill)
    assert run(folder) == 0
    assert trained_here == ["base"]
    records = load_records(folder / "out")
    assert {*records} == {"base", "identity", "hopeless"}
    assert records["identity"].scores["gram"]["00"] == 1
    assert records["identity"].environment["device_name"] == "another machine"
    assert records["identity"].incomparable(records["base"]) == "another machine"

    (done,) = work.glob("hopeless-*-cuda")
    shutil.copytree(done, str(done).replace("-cuda", "-mps"))
    assert main([*command, "hopeless"]) == 2
    assert "-cuda, hopeless-" in capsys.readouterr().err  # the user must choose one of the two
    (done / "outcome.json").rename(done.with_name("elsewhere"))
    assert main([*command, "hopeless"]) == 0
    assert "hopeless: nothing is good enough (trained already)" in capsys.readouterr().err
    (done,) = work.glob("hopeless-*/outcome.json")
    done.write_text("{}", encoding="utf-8")
    assert main([*command, "hopeless"]) == 2
    assert "outcome.json or its student is damaged; delete its folder" in capsys.readouterr().err
    next(work.glob("identity-*/identity.safetensors")).unlink()
    assert main([*command, "identity"]) == 2
    assert "outcome.json or its student is damaged; delete its folder" in capsys.readouterr().err


def test_mistakes_are_found_before_any_training(
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
        assert main(["sweep", "--out", out, *options]) == 2
        assert message in capsys.readouterr().err
    assert main(["sweep", "--data", photos]) == 2
    assert "give --out DIR" in capsys.readouterr().err
    (folder / "ablations.toml").write_text(PLAN + "[x]\nabout = ''\noptions.step = 3\n")
    assert run(folder) == 2
    error = capsys.readouterr().err
    assert "ablations.toml [x]: key 'options.step' is not known; did you mean 'steps'?" in error
    (folder / "ablations.toml").write_text(PLAN)
    shutil.copy(folder / "photos" / "7.png", folder / "pairs" / "00_style.png")
    assert run(folder) == 2
    assert "00_style.png is 7.png of the training photographs" in capsys.readouterr().err
    assert not (folder / "out").exists()


def test_damaged_records_are_one_line(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = folder / "out"
    out.mkdir()
    for content, message in (
        ({"format": 1}, "a.json is not a record of a trial"),
        ([], "a.json is not a record of a trial"),
        ({"format": 2, "names": []}, "a.json has another format"),
    ):
        (out / "a.json").write_text(json.dumps(content), encoding="utf-8")
        assert main(["sweep", "--out", str(out)]) == 2
        assert message in capsys.readouterr().err


def test_former_names_work_with_a_warning(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(folder)
    assert run(folder, "identity") == 0
    (folder / "reports").mkdir()
    (folder / "out").rename(folder / "reports" / "ablations")
    capsys.readouterr()
    options = ["--plan", "levers.toml", "--data", "photos", "--pairs", "pairs", "--no-costs"]
    assert main(["levers", *options, "--out", "reports/levers", "--work", "work", "identity"]) == 0
    printed = capsys.readouterr()
    assert [line for line in printed.err.splitlines() if line.startswith("warning")] == [
        "warning: `pcakd-bench levers` is now `pcakd-bench sweep`; the old name works for one "
        "more release",
        "warning: levers.toml is now ablations.toml; the old name works for one more release",
        "warning: reports/levers is now reports/ablations; the old name works for one more release",
    ]
    assert "reports/ablations/README.md" in printed.out.replace("\\", "/")
    assert not (folder / "reports" / "levers").exists()
    (folder / "ablations.toml").rename("levers.toml")  # a plan that kept its former name
    (folder / "reports" / "ablations").rename("reports/levers")
    assert main(["sweep", *options[2:], "--out", "reports/levers", "--work", "work"]) == 0
    assert (folder / "reports" / "levers" / "README.md").is_file()


def test_trainings_at_once_give_the_students_of_single_ones(folder: Path) -> None:
    work = folder / "at-once"
    places = ["--plan", str(folder / "ablations.toml"), "--data", str(folder / "photos")]
    trained = ["sweep", *places, "--train-only", "base", "identity"]
    assert main([*trained, "--work", str(work), "--jobs", "2"]) == 0
    assert main([*trained, "--work", str(folder / "work")]) == 0
    assert "base.safetensors" in (work / "base.log").read_text(encoding="utf-8")
    for name in ("base", "identity"):
        at_once, single = (
            next(each.glob(f"{name}-*/{name}.safetensors")) for each in (work, folder / "work")
        )
        first, second = load_student(at_once), load_student(single)
        assert all(map(torch.equal, first.parameters(), second.parameters()))


def test_trainings_at_once_report_what_one_of_them_refuses(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    places = ["--plan", str(folder / "ablations.toml"), "--data", str(folder / "photos")]
    broken = folder / "photos/0.png"
    (folder / "photos/0.png").write_bytes(broken.read_bytes()[:200])
    command = ["sweep", *places, "--work", str(folder / "work"), "--train-only", "--jobs", "2"]
    assert main([*command, "base", "identity"]) == 2
    assert "0.png" in capsys.readouterr().err.splitlines()[-1]
    assert main([*command[:-1], "0"]) == 2
    assert "--jobs must be at least 1" in capsys.readouterr().err


@pytest.fixture
def measured(folder: Path, monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """Replace the measurement of costs; return the names of the students of each one."""
    calls: list[list[str]] = []

    def measure_costs(students, resolutions, *, device, work):
        calls.append([*students])
        assert all(load_student(path) for path in students.values())
        cost = {"latency_ms": 2.0, "num_params": 500, "macs_per_pixel": 30.0, "peak_bytes": 2**20}
        return {
            name: {size: cost | {"num_params": 500 + index} for size in resolutions}
            for index, name in enumerate(students)
        }

    monkeypatch.setattr(costs, "measure_costs", measure_costs)
    return calls


def sweep(folder: Path, *options: str) -> int:
    places = ["--plan", "ablations.toml", "--data", "photos", "--pairs", "pairs", "--out", "out"]
    paths = [str(folder / each) if each[0] != "-" else each for each in places]
    return main(["sweep", *paths, "--work", str(folder / "work"), *options])


def test_students_are_kept_and_profiled_once_on_a_machine(
    folder: Path, measured: list[list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        StandIn,
        "score",
        lambda self, student: {
            metric: {pair.name: float(student.stem == "base") for pair in self.pairs}
            for metric in ("bounded_gram", "sliced_wasserstein", "ssim")
        },
    )
    assert sweep(folder) == 0
    assert measured == [["base", "identity"]]  # a training that failed has no student
    records = load_records(folder / "out")
    assert records["identity"].costs["HD"]["num_params"] == 501
    assert records["hopeless"].costs == {}
    assert {path.name for path in (folder / "out" / "students").iterdir()} == {
        "base.safetensors",
        "identity.safetensors",
    }
    page = (folder / "out" / "README.md").read_text(encoding="utf-8")
    for part in ("## Students", "## Frontier", "## Ablations", "Parameters |", "Base `base`"):
        assert part in page
    assert (folder / "out" / "tables" / "frontier.csv").is_file()
    assert (folder / "out" / "plots" / "cost-style.png").stat().st_size > 10_000

    assert sweep(folder) == 0
    assert len(measured) == 1
    assert sweep(folder, "--resolutions", "HD,FHD") == 0
    assert measured[1:] == [["base", "identity"]]
    monkeypatch.setattr(costs, "describe_machine", lambda device: {"device_name": "another"})
    trained = load_student(folder / "out" / "students" / "base.safetensors")
    (folder / "out" / "students" / "base.safetensors").unlink()  # one like it stands for it
    assert sweep(folder, "--resolutions", "HD,FHD") == 0
    seeded = load_student(folder / "work" / "seeded" / "students" / "base.safetensors")
    assert seeded.spec == trained.spec
    assert seeded.colour_transfer == trained.colour_transfer
    assert len(measured) == 3
    assert load_records(folder / "out")["base"].cost_environment == {"device_name": "another"}

    before = (folder / "out" / "README.md").read_bytes()
    (folder / "out" / "README.md").unlink()
    assert main(["report", str(folder / "out")]) == 0
    assert (folder / "out" / "README.md").read_bytes() == before


def test_a_dry_run_says_what_is_left_and_trains_nothing(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(folder, "base") == 0
    places = ["--plan", "ablations.toml", "--data", "photos", "--out", "out", "--work", "work"]
    paths = [str(folder / each) if each[0] != "-" else each for each in places]
    assert main(["sweep", *paths, "--dry-run"]) == 0
    lines = {line.split()[0]: line for line in capsys.readouterr().out.splitlines() if line.strip()}
    assert "recorded" in lines["base"]
    assert "0.0" in lines["base"]
    assert "not begun" in lines["identity"]
    assert float(lines["identity"].split()[-1]) >= 0
    assert [*lines][-1] == "all"
    assert {*load_records(folder / "out")} == {"base"}
    assert not list((folder / "work").glob("identity-*"))


def test_the_former_name_of_the_command_works(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(folder, "base") == 0
    capsys.readouterr()
    assert main(["ablations", "--out", str(folder / "out")]) == 0
    assert "`pcakd-bench ablations` is now `pcakd-bench sweep`" in capsys.readouterr().err


def test_a_training_that_cannot_run_leaves_the_others_alone(
    folder: Path, measured: list[list[str]], capsys: pytest.CaptureFixture[str]
) -> None:
    plan = (
        PLAN + "[wrong]\nbase = 'base'\nabout = 'no such start'\noptions.start = 'no.safetensors'\n"
    )
    (folder / "ablations.toml").write_text(plan, encoding="utf-8")
    assert sweep(folder, "base") == 0
    assert sweep(folder) == 2
    assert "no.safetensors" in capsys.readouterr().err.splitlines()[-1]


def test_a_lost_training_is_reported_after_the_others_are_recorded(
    folder: Path, measured: list[list[str]], monkeypatch: pytest.MonkeyPatch, capsys
) -> None:
    whole = training.distill

    def distill(config, **options):
        if config.name == "base":
            raise TrainingError("the disk has gone")
        return whole(config, **options)

    monkeypatch.setattr(training, "distill", distill)
    assert sweep(folder, "identity") == 2
    assert capsys.readouterr().err.splitlines()[-1] == "bench: error: the disk has gone"
    assert {*load_records(folder / "out")} == {"identity"}
    assert measured == [["identity"]]
    assert "No record of the base: identity." in (folder / "out/README.md").read_text()
