import json
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.cli import main
from bench.sweeps import scoring
from bench.sweeps.early_stopping import (
    RUNGS,
    Rungs,
    StoppedEarlyError,
    find_rungs,
    load_rungs,
    name_group,
    replay,
    should_stop,
    watch,
)
from bench.sweeps.members import describe_left_out, find_members
from bench.sweeps.page import write_page
from bench.sweeps.records import WOULD_STOP, load_records, save_record
from pcakd.costs import count_student
from pcakd.distillation.trainer import Step
from pcakd.errors import ConfigError
from pcakd.students import StudentSpec, create_student
from tests.makers.tiny_sweeps import StandIn, write_images
from tests.makers.trials import make_trial

tune = pytest.importorskip("ray.tune.schedulers")
SPEC = StudentSpec(architecture="tiny", ranks=(4, 6, 8, 8))
PLAN = """
[a]
about = "a student"
[a.options]
backbone = "tiny"
steps = [4, 30, 8]
rate = 0.003
crop = 32
batch = 2
basis_images = 4
held_out = 2
set = { min_r2_share = -99, max_dead_share = 1 }

[a-seed1]
base = "a"
about = "another seed"
options.seed = 1
"""


def rungs(name: str, macs: float, *losses: float, group: str = "g") -> Rungs:
    by_step = dict(zip(find_rungs(100), losses, strict=False))
    return Rungs(name=name, group=group, macs=macs, steps=100, losses=by_step)


@given(st.integers(1, 5000))
def test_rungs_are_where_the_scheduler_of_ray_has_them(steps: int) -> None:
    found = find_rungs(steps)
    assert all(0 < rung < steps for rung in found)
    if steps >= 4:
        scheduler = tune.ASHAScheduler(max_t=steps, grace_period=found[0], reduction_factor=2)
        places = sorted(place for place, _ in scheduler._brackets[0]._rungs if place < steps)
        assert list(found) == places


def test_a_student_stops_that_costs_more_and_fits_worse() -> None:
    others = [rungs("small", 10, 1.0), rungs("middle", 20, 0.8), rungs("large", 30, 0.6)]
    assert should_stop(rungs("own", 40, 0.9), others)  # the median is 0.8
    assert not should_stop(rungs("own", 40, 0.7), others)
    assert should_stop(rungs("own", 20, 0.95), others)  # the median is 0.9
    assert not should_stop(rungs("own", 20, 0.85), others)
    assert not should_stop(rungs("own", 5, 9.0), others)  # nothing costs less
    assert not should_stop(rungs("own", 40, 9.0), [])


def test_only_trainings_of_a_group_are_compared_where_both_have_come() -> None:
    assert not should_stop(rungs("own", 9, 2.0), [rungs("other", 1, 1.0, group="another")])
    assert not should_stop(rungs("own", 9, 2.0), [rungs("own", 1, 1.0)])
    halfway = [rungs("a", 1, 1.0, 0.5), rungs("b", 1, 1.0)]
    assert should_stop(rungs("own", 9, 0.9, 0.6), halfway)
    assert not should_stop(rungs("own", 9, 0.9, 0.4), halfway)
    recipe = {"seed": 1, "steps": 3}
    assert name_group(recipe, "a") == name_group({**recipe, "seed": 2}, "a")
    assert name_group(recipe, "a") != name_group(recipe, "b")
    assert name_group(recipe, "a") != name_group({**recipe, "steps": 4}, "a")


def test_a_replay_takes_trainings_one_after_another() -> None:
    trainings = [
        rungs("a", 10, 1.0, 0.5),
        rungs("b", 20, 1.2, 0.1),  # stops, so that its loss of 0.1 is never known
        rungs("c", 20, 0.9, 0.6),
        rungs("d", 5, 3.0, 3.0),
        rungs("e", 30, 0.8, 0.4),
    ]
    assert replay(trainings) == {"a": None, "b": 25, "c": 50, "d": None, "e": None}
    stops = replay(trainings, bases={"b"})  # its loss of 0.1 is known then
    assert stops == {"a": None, "b": None, "c": 50, "d": None, "e": None}
    assert replay([]) == {}


def test_a_training_writes_the_mean_of_its_last_losses(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def train(name: str, *, worse: float) -> None:
        (tmp_path / name).mkdir()
        network = create_student(SPEC)
        on_step = watch(rungs(name, 0.0), tmp_path / name, phase="last", stopping=True)
        for phase in ("first", "last"):
            for number in range(1, 101):
                on_step(Step(phase=phase, number=number, loss=number + worse, network=network))

    train("a", worse=0.0)
    found = load_rungs(tmp_path / "a")
    assert found == Rungs(
        name="a",
        group="g",
        macs=float(count_student(SPEC).macs),
        steps=100,
        losses={25: 20.5, 50: 45.5},  # means of ten steps
    )
    assert load_rungs(tmp_path / "b") is None
    with pytest.raises(StoppedEarlyError, match=r"after 25 of 100 steps .* loss of 21\.500"):
        train("b", worse=1.0)
    (tmp_path / "b" / RUNGS).write_text("{}")
    with pytest.raises(ConfigError, match=r"rungs\.json is damaged"):
        load_rungs(tmp_path / "b")
    train("c", worse=-1.0)  # the damaged file is skipped
    assert "rungs.json is damaged" in capsys.readouterr().err


def test_a_training_that_resumes_has_the_means_of_one_that_was_not_killed(tmp_path: Path) -> None:
    network = create_student(SPEC)

    def train(numbers: range) -> None:
        on_step = watch(rungs("a", 0.0), tmp_path, phase="last", stopping=False)
        for number in numbers:
            on_step(Step(phase="last", number=number, loss=float(number), network=network))

    train(range(1, 23))
    with (tmp_path / "rungs.csv").open("a") as stream:
        stream.write("2")  # killed while it wrote
    train(range(21, 24))  # from its checkpoint, and killed again
    train(range(21, 53))
    found = load_rungs(tmp_path)
    assert found is not None
    assert found.losses == {25: 20.5, 50: 45.5}


def test_a_stopped_training_is_recorded_and_trained_on_later(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(scoring, "Scorer", StandIn)
    write_images(tmp_path, photos=8, pairs=2)
    (tmp_path / "plan.toml").write_text(PLAN, encoding="utf-8")
    places = [f"--{name}={tmp_path / name}" for name in ("data", "pairs", "out", "work")]
    places[0] = f"--data={tmp_path / 'photos'}"
    command = ["sweep", "--plan", str(tmp_path / "plan.toml"), *places, "--no-costs"]
    assert main([*command, "--replay-early-stopping"]) == 0

    first = load_records(tmp_path / "out")
    own = first["a"].rungs
    assert set(own["losses"]) == {"2", "4"}
    assert own["stopped"] is False
    assert own[WOULD_STOP] is None
    assert not first["a-seed1"].rungs  # another seed is not compared
    assert "0 of 1 trainings would have stopped" in (tmp_path / "out" / "README.md").read_text()

    # a rival that costs nothing and fits better, and the same training anew
    (tmp_path / "out" / "a.json").unlink()
    (folder,) = (tmp_path / "work").glob("a-????????-cpu")
    for path in folder.iterdir():
        if path.is_file():
            path.unlink()
    rival = tmp_path / "work" / "rival"
    rival.mkdir()
    better = {**{key: own[key] for key in ("group", "steps")}, "name": "rival", "macs": 0.0}
    (rival / RUNGS).write_text(json.dumps({**better, "losses": {"2": 0.0, "4": 0.0}}))
    assert main([*command, "--early-stopping"]) == 0
    stopped = load_records(tmp_path / "out")["a"]
    assert stopped.stopped
    assert not stopped.scores
    assert "stopped early after 2 of 8 steps of the stylization phase" in str(stopped.failure)
    assert "stopped early after 2 of 8" in (tmp_path / "out" / "README.md").read_text()
    assert main([*command, "--early-stopping"]) == 0  # recorded already
    assert load_records(tmp_path / "out")["a"] == stopped
    capsys.readouterr()
    assert main([*command, "--dry-run", "a"]) == 0
    (line,) = [each for each in capsys.readouterr().out.splitlines() if each.startswith("a ")]
    assert "recorded" not in line

    assert main(command) == 0
    whole = load_records(tmp_path / "out")["a"]
    assert not whole.stopped
    assert whole.scores == first["a"].scores
    assert whole.rungs["losses"] == pytest.approx(own["losses"])


def test_a_replay_needs_losses(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    save_record(tmp_path, make_trial("a", {"ssim": 0.5}))
    command = ["sweep", "--out", str(tmp_path)]
    assert main([*command, "--replay-early-stopping"]) == 2
    assert "no record" in capsys.readouterr().err
    assert (tmp_path / "README.md").is_file()
    damaged = make_trial("b", {"ssim": 0.5}, rungs={"losses": {"one": 1.0}})
    save_record(tmp_path, replace(damaged, card={**damaged.card, "finished": "2026"}))
    assert main([*command, "--replay-early-stopping"]) == 2
    assert "damaged losses" in capsys.readouterr().err


@pytest.mark.parametrize(
    "options",
    [["--replay-early-stopping", "--dry-run", "--data", "p"], ["--early-stopping", "--out", "o"]],
)
def test_options_without_effect_are_refused(
    options: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["sweep", *options]) == 2
    assert "early-stopping" in capsys.readouterr().err


def test_seeds_of_a_stopped_student_are_no_students() -> None:
    stopped = make_trial(
        "a", {}, failure="stopped early after 2 of 8 steps", rungs={"stopped": True}
    )
    records = {"a": stopped, "a-seed1": make_trial("a-seed1", {"ssim": 0.5})}
    assert find_members(records) == []
    assert describe_left_out(records, []) == [
        "`a`: stopped early after 2 of 8 steps",
        "`a-seed1`: its student was stopped early",
    ]


def test_a_training_that_lost_its_losses_is_compared_where_it_knows_them(tmp_path: Path) -> None:
    on_step = watch(rungs("a", 0.0), tmp_path, phase="last", stopping=True)
    network = create_student(SPEC)
    for number in range(41, 51):  # resumed on a machine without the file
        on_step(Step(phase="last", number=number, loss=1.0, network=network))
    found = load_rungs(tmp_path)
    assert found is not None
    assert found.losses == {50: 1.0}


def test_the_page_says_what_early_stopping_saves_and_costs() -> None:
    names = ("small", "middle", "large", "best")
    records = {}
    for index, name in enumerate(names):
        record = make_trial(
            name,
            {"histogram_correlation": 0.1 * index, "ssim": 0.5 + 0.1 * index},
            costs={"latency_ms": 10.0 * (index + 1), "num_params": 100.0 * (index + 1)},
        )
        phases = [{"device_seconds": 10.0}, {"device_seconds": 30.0}]
        card = {**record.card, "phases": phases}
        own = {"steps": 100, "losses": {"25": 1.0}, WOULD_STOP: 50 if name == "large" else None}
        records[name] = replace(record, card=card, rungs=own)
    assert len(find_members(records)) == 4
    page = write_page(records)
    assert "1 of 4 trainings would have stopped: large (step 50)" in page
    assert "saves 9% of the time" in page  # 15 of 160 seconds
    (row,) = [
        line for line in page.splitlines() if line.startswith("| Parameters") and "[" not in line
    ]
    every, rest = (float(cell) for cell in row.split("|")[2:4])
    assert 0.0 < rest < every <= 1.0
