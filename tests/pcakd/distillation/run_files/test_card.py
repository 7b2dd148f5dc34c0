"""Cards record settings, machine and time of a training."""

import json
from dataclasses import replace
from itertools import count
from types import SimpleNamespace

import pytest
import torch
from tiny_distillation import RECIPE, make_config

from pcakd.cli import main
from pcakd.distillation import trainer as trainer_module
from pcakd.distillation.run import distill
from pcakd.errors import TrainingError
from pcakd.students import load_student

pytestmark = pytest.mark.usefixtures("lenient_images")


def test_settings_and_name_reach_recipe_and_card(photos, tmp_path):
    options = ["--steps", "2", "--crop", "32", "--batch", "2", "--held-out", "2"]
    settings = ["--set", "min_r2_share=-99", "--set", "identity_share=1", "--set", "max_attempts=1"]
    output = ["--data", str(photos), "-o", str(tmp_path / "out"), "--name", "identity"]
    assert main(["distill", "--backbone", "tiny", *output, *options, *settings]) == 0
    card = json.loads((tmp_path / "out" / "identity.json").read_text())
    assert (
        card["name"]
        == load_student(tmp_path / "out" / "identity.safetensors").card["name"]
        == "identity"
    )
    with pytest.raises(TrainingError, match='name was "identity", is "tiny"'):
        distill(make_config(photos, tmp_path / "out", resume=True))
    recipe = card["recipe"]
    assert (recipe["min_r2_share"], recipe["identity_share"], recipe["max_attempts"]) == (
        -99.0,
        1.0,
        1,
    )


def test_a_card_records_photographs_and_sessions(photos, tmp_path, monkeypatch):
    threads = torch.get_num_threads()
    recipe = replace(RECIPE, held_out=50, basis_images=900)
    step, steps = trainer_module.Trainer._step, 0

    def stop(self, *arguments):
        nonlocal steps
        steps += 1
        if steps == 8:
            raise KeyboardInterrupt
        return step(self, *arguments)

    with monkeypatch.context() as patch:
        patch.setattr(trainer_module.Trainer, "_step", stop)
        with pytest.raises(KeyboardInterrupt):
            distill(make_config(photos, tmp_path / "run", recipe=recipe))
    torch.set_num_threads(threads + 1)
    try:
        again = make_config(photos, tmp_path / "run", recipe=recipe, resume=True)
        student, card = distill(again)
    finally:
        torch.set_num_threads(threads)
    count = len(list(photos.iterdir()))
    assert load_student(again.student_path).card == student.card == card
    assert card["photos"]["held_out"] == count - card["photos"]["training"] == 1
    assert card["photos"]["basis"] == card["photos"]["training"]
    assert card["threads"] == threads + 1
    assert [session["threads"] for session in card["sessions"]] == [threads, threads + 1]
    assert card["finished"].endswith("+00:00")
    assert card["cpu"]


@pytest.mark.parametrize("processes", [1, 2])
def test_core_minutes_are_cpu_time(photos, tmp_path, monkeypatch, processes):
    ticks = count()
    clock = SimpleNamespace(
        perf_counter=lambda: 60.0 * next(ticks), process_time=lambda: 6.0 * next(ticks)
    )
    monkeypatch.setattr(trainer_module, "time", clock)
    monkeypatch.setattr(trainer_module, "world_size", lambda: processes)
    distill(make_config(photos, tmp_path / "tiny"))
    card = json.loads((tmp_path / "tiny" / "tiny.json").read_text())
    steps = 6 + 8 + 6  # two ticks each from one reading of a clock to its next
    assert card["device_seconds"] == steps * 2 * 60.0 * processes
    assert card["core_minutes"] == pytest.approx(steps * 2 * 6.0 / 60.0 * processes, abs=0.05)


def test_former_names_of_settings_work_with_a_warning(photos, tmp_path, capsys):
    options = ["--steps", "1", "--crop", "32", "--batch", "2", "--set", "min_r2_share=-99"]
    output = ["--data", str(photos), "-o", str(tmp_path)]
    settings = ["--set", "max_dead_share=1", "--set", "twins=0.25"]
    assert main(["distill", "--backbone", "tiny", *output, *options, *settings]) == 0
    warnings = [line for line in capsys.readouterr().err.splitlines() if "warning" in line]
    assert warnings == [
        "warning: --set twins is now --set identity_share; the old name works for one more release"
    ]
    assert json.loads((tmp_path / "tiny.json").read_text())["recipe"]["identity_share"] == 0.25
