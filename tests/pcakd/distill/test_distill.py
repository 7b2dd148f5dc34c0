"""Whole distillations of a seeded tiny teacher: health, restarts, and going on after a kill."""

import csv
import json
import os
import shutil
import subprocess
import sys
from dataclasses import replace
from itertools import count
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import save_file

from pcakd.backbones import create_backbone, describe_blocks
from pcakd.cli import main
from pcakd.distill import health
from pcakd.distill import trainer as trainer_module
from pcakd.distill.legs import Schedule
from pcakd.distill.prefetch import prefetch
from pcakd.distill.recipe import Recipe
from pcakd.distill.reproduction import describe_reproduction, has_same_weights
from pcakd.distill.run import Request, distill
from pcakd.eigenbases import RankRule, load_eigenbases
from pcakd.errors import ConfigError, ImageError, OutputError, TrainingError
from pcakd.files import write_safetensors
from pcakd.students import StudentSpec, create_student, load_student
from pcakd.stylize import stylize
from pcakd.weights import get_weight_set

SCHEDULE = Schedule(steps=6, rate=1e-3, batch=2, crop=32)
RECIPE = Recipe(
    encoder=SCHEDULE,
    autoencoder=replace(SCHEDULE, steps=8),
    stylization=SCHEDULE,
    zoom=(24, 60),
    perceptual="tiny",
    min_r2_share=-100.0,
    max_dead_share=1.0,
    basis_images=4,
    held_out=2,
)


@pytest.fixture(autouse=True)
def lenient_images(monkeypatch):
    """A few steps leave a poor image; what is tested here is the machinery."""
    monkeypatch.setattr(health, "LOST_IMAGE", float("inf"))


def _request(data, output, *, recipe=RECIPE, resume=False):
    return Request(
        backbone="tiny",
        weight_set=None,
        weights_path=None,
        data=data,
        output=output,
        rule=RankRule(ranks=(4, 6, 8, 10)),
        recipe=recipe,
        device=torch.device("cpu"),
        resume=resume,
    )


@pytest.fixture(scope="module")
def unbroken(photos, tmp_path_factory):
    """Return the output folder of a run that nothing interrupted."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(health, "LOST_IMAGE", float("inf"))
        folder = tmp_path_factory.mktemp("run") / "tiny"
        distill(_request(photos, folder))
    return folder


def test_a_run_leaves_student_card_logs_and_sheets(unbroken, photos):
    student = load_student(unbroken / "tiny.safetensors")
    card = json.loads((unbroken / "tiny.json").read_text())
    assert student.card["ranks"] == [4, 6, 8, 10] == card["ranks"]
    assert [leg["phase"] for leg in card["legs"]] == ["encoder", "autoencoder", "stylization"]
    assert set(card["manifest"]) <= {p.name for p in photos.iterdir()}
    assert len(card["manifest"]) + 1 == len(list(photos.iterdir()))
    for leg in (card["legs"][0], card["legs"][2]):
        assert all(tap["r2"] <= tap["ceiling"] <= 1.0 for tap in leg["taps"])
    assert {"style", "structure", "perceptual"} <= set(card["legs"][2]["held_out_losses"])
    assert 0.0 <= card["core_minutes"] <= 4.0 * card["device_seconds"] / 60.0 + 0.1
    assert [e.shape for e in student.eigenbases] == [(8, 4), (12, 6), (16, 8), (20, 10)]
    with (unbroken / "losses.csv").open() as stream:
        rows = list(csv.DictReader(stream))
    assert [(r["phase"], int(r["global_step"])) for r in rows] == [
        ("encoder", 6),
        ("autoencoder", 14),
        ("stylization", 20),
    ]
    assert rows[0]["tap4"]
    assert not rows[0]["style"]
    for name, height in (("autoencoder", 2), ("stylization", 3)):
        with Image.open(unbroken / f"{name}.png") as sheet:
            assert sheet.size[1] == 32 * height
    assert any((unbroken / "tensorboard").iterdir())


def _same_weights(first: Path, second: Path) -> bool:
    a, b = (load_student(path / "tiny.safetensors").state_dict() for path in (first, second))
    return a.keys() == b.keys() and all(torch.equal(a[name], b[name]) for name in a)


@pytest.mark.parametrize("stop_at", [3, 8, 13, 18])
def test_an_interrupted_run_resumes_bit_for_bit(unbroken, photos, tmp_path, monkeypatch, stop_at):
    monkeypatch.setattr(trainer_module, "_CHECKPOINT_EVERY", 2)
    folder = tmp_path / "tiny"
    steps = 0
    whole_step = trainer_module.Trainer._step

    def step(self, *arguments):
        nonlocal steps
        steps += 1
        if steps == stop_at:
            raise KeyboardInterrupt
        return whole_step(self, *arguments)

    monkeypatch.setattr(trainer_module.Trainer, "_step", step)
    with pytest.raises(KeyboardInterrupt):
        distill(_request(photos, folder))
    distill(_request(photos, folder, resume=True))
    assert _same_weights(folder, unbroken)


def test_batches_drawn_ahead_train_the_same_weights(unbroken, photos, tmp_path, monkeypatch):
    ahead = []

    def draw_ahead(draw, keys, *, enabled):
        ahead.append(enabled)
        return prefetch(draw, keys, enabled=True)

    monkeypatch.setattr(trainer_module, "prefetch", draw_ahead)
    distill(_request(photos, tmp_path / "tiny"))
    assert ahead == [False] * 3  # a CPU that trains draws for itself
    assert _same_weights(unbroken, tmp_path / "tiny")


@pytest.mark.slow
def test_a_killed_process_resumes_bit_for_bit(photos, tmp_path):
    command = [
        *(sys.executable, "-m", "pcakd", "distill", "--backbone", "tiny", "--data", str(photos)),
        *("--crop", "32", "--batch", "2", "--basis-images", "4", "--held-out", "2"),
        *("--steps", "230", "--rate", "0.001", "--device", "cpu"),
    ]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    done = subprocess.run(
        [*command, "-o", str(whole)], env=environment, capture_output=True, check=False
    )
    resume: list[str] = []
    rng = np.random.default_rng(0)
    for _ in range(4):
        process = subprocess.Popen(
            [*command, "-o", str(killed), *resume],
            env=environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            process.wait(timeout=4 + 4 * rng.random())
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        resume = ["--resume"]  # from the first kill on, whatever there is to go on from
    final = subprocess.run(
        [*command, "-o", str(killed), *resume], env=environment, capture_output=True, check=False
    )
    assert final.returncode == done.returncode
    if done.returncode == 0:
        assert _same_weights(killed, whole)
    else:  # a random teacher may be past learning: then both must say the same
        assert final.stderr.splitlines()[-1] == done.stderr.splitlines()[-1]


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
        distill(_request(photos, tmp_path / "out", resume=True))
    recipe = card["recipe"]
    assert (recipe["min_r2_share"], recipe["twins"], recipe["max_attempts"]) == (-99.0, 1.0, 1)


def test_whether_weights_are_the_same_is_the_exit_status(unbroken, photos, tmp_path, capsys):
    same, shape = str(unbroken / "tiny.safetensors"), ["--ranks", "4,6,8,10", "--seed", "3"]
    options = ["--steps", "2", "--crop", "32", "--batch", "2", "--perceptual", "tiny"]
    health_off = ["--set", "min_r2_share=-99", "--set", "max_dead_share=1"]
    output = ["--data", str(photos), "-o", str(tmp_path / "out")]
    command = ["distill", "--backbone", "tiny", *output, *options, *health_off, *shape]
    assert main([*command, "--compare-with", same]) == 1
    assert "other weights than" in capsys.readouterr().out
    own = str(tmp_path / "out" / "tiny.safetensors")
    assert main([*command, "--resume", "--compare-with", own]) == 0
    assert "bit for bit" in capsys.readouterr().out


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
            distill(_request(photos, tmp_path / "run", recipe=recipe))
    torch.set_num_threads(threads + 1)
    try:
        again = _request(photos, tmp_path / "run", recipe=recipe, resume=True)
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


def test_a_collapsed_phase_is_restarted_and_then_given_up(photos, tmp_path, capsys):
    hopeless = replace(RECIPE, min_r2_share=1.0, max_attempts=2)
    with pytest.raises(TrainingError, match="encoder collapsed: tap 1 has an R²"):
        distill(_request(photos, tmp_path / "tiny", recipe=hopeless))
    assert "restarting it with another seed and half the rate" in capsys.readouterr().out


@pytest.mark.parametrize("processes", [1, 2])
def test_core_minutes_are_what_cores_worked(photos, tmp_path, monkeypatch, processes):
    ticks = count()
    clock = SimpleNamespace(
        perf_counter=lambda: 60.0 * next(ticks), process_time=lambda: 6.0 * next(ticks)
    )
    monkeypatch.setattr(trainer_module, "time", clock)
    monkeypatch.setattr(trainer_module, "world_size", lambda: processes)
    distill(_request(photos, tmp_path / "tiny"))
    card = json.loads((tmp_path / "tiny" / "tiny.json").read_text())
    steps = 6 + 8 + 6  # two ticks each from one reading of a clock to its next
    assert card["device_seconds"] == steps * 2 * 60.0 * processes
    assert card["core_minutes"] == pytest.approx(steps * 2 * 6.0 / 60.0 * processes, abs=0.05)


@pytest.mark.parametrize("phase", ["encoder", "autoencoder", "stylization"])
def test_a_diverged_loss_restarts_the_phase(photos, tmp_path, monkeypatch, phase):
    whole = trainer_module.Trainer._draw_own
    poisoned = []

    def draw(self, key):
        images = whole(self, key)
        step = key[-1] - trainer_module._FIRST_STEP
        if self._leg.phase == phase and self.progress.attempt == 0 and step == 3:
            poisoned.append(step)
            return images * float("nan")
        return images

    monkeypatch.setattr(trainer_module.Trainer, "_draw_own", draw)
    distill(_request(photos, tmp_path / "tiny"))
    card = json.loads((tmp_path / "tiny" / "tiny.json").read_text())
    assert poisoned == [3]
    attempts = {leg["phase"]: leg["attempts"] for leg in card["legs"]}
    assert attempts == {"encoder": 1, "autoencoder": 1, "stylization": 1} | {phase: 2}


def test_mistakes_are_told_in_one_line(unbroken, photos, tmp_path):
    with pytest.raises(TrainingError, match="pass --resume or name another folder"):
        distill(_request(photos, unbroken))
    other = replace(RECIPE, seed=3)
    with pytest.raises(TrainingError, match=r"of a run with other settings: \w+ was"):
        distill(_request(photos, unbroken, recipe=other, resume=True))
    (tmp_path / "a").touch()
    with pytest.raises(OutputError, match="cannot write into"):
        distill(_request(photos, tmp_path / "a" / "b"))
    with pytest.raises(ConfigError, match="multiple of 16"):
        Schedule(steps=1, rate=1.0, crop=100)
    with pytest.raises(ConfigError, match="batch must be even"):
        Recipe(stylization=replace(SCHEDULE, batch=3))
    with pytest.raises(ConfigError, match="zoom must be two rising numbers"):
        Recipe(zoom=(60, 24))


def test_a_damaged_checkpoint_is_refused(photos, tmp_path):
    folder = tmp_path / "tiny"
    folder.mkdir()
    (folder / "checkpoint.safetensors").write_bytes(b"torn")
    with pytest.raises(TrainingError, match="cannot be read as safetensors"):
        distill(_request(photos, folder, resume=True))
    header = {"format": "pcakd-checkpoint-4", "progress": {"leg": 1}, "fingerprint": {}}
    write_safetensors(folder / "checkpoint.safetensors", {}, {"pcakd": json.dumps(header)})
    with pytest.raises(TrainingError, match=r"of another release \(pcakd-checkpoint-4\)"):
        distill(_request(photos, folder, resume=True))


def test_a_broken_photograph_ends_a_run_before_it_begins(photos, tmp_path):
    data = tmp_path / "data"
    shutil.copytree(photos, data)
    broken = data / "5.png"
    broken.write_bytes(broken.read_bytes()[:-200])
    with pytest.raises(ImageError, match=r"5\.png cannot be decoded"):
        distill(_request(data, tmp_path / "run"))
    broken.write_text("no image")
    with pytest.raises(ImageError, match=r"5\.png is not an image"):
        distill(_request(data, tmp_path / "run"))
    Image.new("RGB", (900, 3)).save(broken)
    with pytest.raises(ImageError, match="too narrow"):
        distill(_request(data, tmp_path / "run"))
    assert not (tmp_path / "run").exists()


def test_two_trainings_are_compared_and_reasons_are_named(unbroken):
    student, other = (load_student(unbroken / "tiny.safetensors") for _ in range(2))
    assert has_same_weights(student, other)
    same = describe_reproduction(student, other, name="tiny")
    assert same == "the same weights as tiny, bit for bit"
    other.card = other.card | {"threads": 7, "recipe": other.card["recipe"] | {"seed": 5}}
    with torch.no_grad():
        other.encoder.layers(1)[0].conv.bias[0] += 0.5
    assert not has_same_weights(student, other)
    text = describe_reproduction(student, other, name="tiny")
    assert "1 of " in text
    assert "at most 0.5" in text
    assert f"threads is {torch.get_num_threads()}, was 7" in text
    assert "recipe.seed is 0, was 5" in text
    assert "held_out" not in text
    old = {key: value for key, value in other.card.items() if key not in ("finished", "cpu")}
    other.card = old | {"photos": {"training": 9, "manifest_sha256": "0"}, "sessions": [{}, {}]}
    text = describe_reproduction(student, other, name="tiny")
    assert "photos.manifest_sha256 is " in text  # what older cards lack is no reason
    assert not {"held_out", "cpu", "None"} & {*text.replace(".", " ").split()}
    assert "the other one went on with another machine" in text
    thin = create_student(StudentSpec(architecture="tiny", ranks=(4, 6, 8, 9)))
    assert "another network than thin" in describe_reproduction(student, thin, name="thin")


@pytest.mark.parametrize("name", ["mobilenet_v2", "timm/tf_efficientnet_lite0", "timm/resnet18"])
def test_students_of_other_backbones_have_their_blocks(name, photos, tmp_path):
    """Random teachers: the machinery from the name of a backbone to a stylized picture."""
    weights = {"weight_set": "seeded", "weights_path": None}
    if name.startswith("timm/"):
        pytest.importorskip("timm")
    else:
        shapes = get_weight_set(name, "torchvision").shapes
        generator = torch.Generator().manual_seed(0)
        tensors = {
            tensor: torch.rand(shape, generator=generator) + 0.5
            if tensor.endswith("running_var")
            else torch.randn(shape, generator=generator) * 0.1
            for tensor, shape in shapes.items()
        }
        save_file(tensors, tmp_path / "w.safetensors")
        weights = {"weight_set": None, "weights_path": tmp_path / "w.safetensors"}
    short = replace(SCHEDULE, steps=2)
    recipe = replace(RECIPE, encoder=short, autoencoder=short, stylization=short)
    request = replace(
        _request(photos, tmp_path / "run", recipe=recipe),
        backbone=name,
        rule=RankRule(ranks=(2, 3, 4, 5)),
        **weights,
    )
    path = distill(request)
    assert path.name == f"{name.removeprefix('timm/')}.safetensors"
    student = load_student(path)
    assert student.spec.designs == describe_blocks(
        create_backbone(name, weight_set=weights["weight_set"], path=weights["weights_path"])
    )
    assert student.card["teacher"]["backbone"] == name
    variances = [
        float(each.eigenvalues.sum())
        for each in load_eigenbases(path.with_name("eigenbases.safetensors"))[0]
    ]
    expected = [0.02 * variance for variance in variances]
    assert student.regularizer == pytest.approx(expected, rel=0.05)
    content, style = (torch.rand(3, size, 40) for size in (33, 24))
    assert stylize(student, content, style).shape == (3, 33, 40)
    # a finished run that is resumed writes the same student
    before = path.read_bytes()
    assert distill(replace(request, resume=True)).read_bytes() == before
