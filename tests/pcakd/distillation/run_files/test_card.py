"""Cards say how a student was made, and what that took."""

import json
from dataclasses import replace
from itertools import count
from types import SimpleNamespace

import pytest
import torch
from tiny_distillation import RECIPE, make_request

from pcakd.cli import main
from pcakd.distillation import trainer as trainer_module
from pcakd.distillation.run import distill
from pcakd.errors import TrainingError
from pcakd.students import load_student

pytestmark = pytest.mark.usefixtures("lenient_images")


def test_settings_and_name_reach_recipe_and_card(photos, tmp_path):
    options = ["--steps", "2", "--crop", "32", "--batch", "2", "--held-out", "2"]
    settings = ["--set", "min_r2_share=-99", "--set", "twins=1", "--set", "max_attempts=1"]
    output = ["--data", str(photos), "-o", str(tmp_path / "out"), "--name", "twins"]
    assert main(["distill", "--backbone", "tiny", *output, *options, *settings]) == 0
    card = json.loads((tmp_path / "out" / "twins.json").read_text())
    assert (
        card["name"] == load_student(tmp_path / "out" / "twins.safetensors").card["name"] == "twins"
    )
    with pytest.raises(TrainingError, match='name was "twins", is "tiny"'):
        distill(make_request(photos, tmp_path / "out", resume=True))
    recipe = card["recipe"]
    assert (recipe["min_r2_share"], recipe["twins"], recipe["max_attempts"]) == (-99.0, 1.0, 1)


def test_a_card_says_what_was_used_and_what_a_run_went_on_with(photos, tmp_path, monkeypatch):
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
            distill(make_request(photos, tmp_path / "run", recipe=recipe))
    torch.set_num_threads(threads + 1)
    try:
        again = make_request(photos, tmp_path / "run", recipe=recipe, resume=True)
        card = load_student(distill(again)).card
    finally:
        torch.set_num_threads(threads)
    count = len(list(photos.iterdir()))
    assert card["photos"]["held_out"] == count - card["photos"]["training"] == 1
    assert card["photos"]["basis"] == card["photos"]["training"]
    assert card["threads"] == threads + 1
    assert [session["threads"] for session in card["sessions"]] == [threads, threads + 1]
    assert card["finished"].endswith("+00:00")
    assert card["cpu"]


@pytest.mark.parametrize("processes", [1, 2])
def test_core_minutes_are_what_cores_worked(photos, tmp_path, monkeypatch, processes):
    ticks = count()
    clock = SimpleNamespace(
        perf_counter=lambda: 60.0 * next(ticks), process_time=lambda: 6.0 * next(ticks)
    )
    monkeypatch.setattr(trainer_module, "time", clock)
    monkeypatch.setattr(trainer_module, "world_size", lambda: processes)
    distill(make_request(photos, tmp_path / "tiny"))
    card = json.loads((tmp_path / "tiny" / "tiny.json").read_text())
    steps = 6 + 8 + 6  # two ticks each from one reading of a clock to its next
    assert card["device_seconds"] == steps * 2 * 60.0 * processes
    assert card["core_minutes"] == pytest.approx(steps * 2 * 6.0 / 60.0 * processes, abs=0.05)
