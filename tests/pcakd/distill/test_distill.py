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
from pcakd.blocks import BlockDesign
from pcakd.cli import main
from pcakd.distill import health
from pcakd.distill import trainer as trainer_module
from pcakd.distill.evaluate import evaluate_taps
from pcakd.distill.journal import Journal
from pcakd.distill.legs import Leg, Sampling, Schedule
from pcakd.distill.norms import follow_batches, prepare_layers
from pcakd.distill.phases import EncoderPhase
from pcakd.distill.photos import Photos
from pcakd.distill.recipe import Recipe
from pcakd.distill.reproduction import describe_reproduction
from pcakd.distill.run import Request, distill
from pcakd.distill.setting import Setting
from pcakd.eigenbases import Eigenbasis, RankRule, load_eigenbases
from pcakd.errors import ConfigError, ImageError, OutputError, TrainingError
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


@pytest.fixture(scope="module")
def photos(tmp_path_factory):
    """Return a folder of eight smooth random pictures."""
    folder = tmp_path_factory.mktemp("photos")
    rng = np.random.default_rng(0)
    for index in range(8):
        coarse = Image.fromarray(rng.integers(0, 256, (6, 7, 3), dtype=np.uint8))
        coarse.resize((70, 60), Image.Resampling.BICUBIC).save(folder / f"{index}.png")
    return folder


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

    def step(self, leg, total, journal):
        nonlocal steps
        steps += 1
        if steps == stop_at:
            raise KeyboardInterrupt
        return whole_step(self, leg, total, journal)

    monkeypatch.setattr(trainer_module.Trainer, "_step", step)
    with pytest.raises(KeyboardInterrupt):
        distill(_request(photos, folder))
    distill(_request(photos, folder, resume=True))
    assert _same_weights(folder, unbroken)


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


def test_a_collapsed_phase_is_restarted_and_then_given_up(photos, tmp_path, capsys):
    hopeless = replace(RECIPE, min_r2_share=1.0, max_attempts=2)
    with pytest.raises(TrainingError, match="encoder collapsed: tap 1 has an R²"):
        distill(_request(photos, tmp_path / "tiny", recipe=hopeless))
    assert "restarting it with another seed and half the rate" in capsys.readouterr().out


def test_core_minutes_are_what_cores_worked(photos, tmp_path, monkeypatch):
    ticks = count()
    clock = SimpleNamespace(
        perf_counter=lambda: 60.0 * next(ticks), process_time=lambda: 6.0 * next(ticks)
    )
    monkeypatch.setattr(trainer_module, "time", clock)
    distill(_request(photos, tmp_path / "tiny"))
    card = json.loads((tmp_path / "tiny" / "tiny.json").read_text())
    steps = 6 + 8 + 6  # two ticks each from one reading of a clock to its next
    assert card["device_seconds"] == steps * 2 * 60.0
    assert card["core_minutes"] == pytest.approx(steps * 2 * 6.0 / 60.0, abs=0.05)


@pytest.mark.parametrize("phase", ["encoder", "autoencoder", "stylization"])
def test_a_diverged_loss_restarts_the_phase(photos, tmp_path, monkeypatch, phase):
    whole = trainer_module.Trainer._batch
    poisoned = []

    def batch(self, step):
        images = whole(self, step)
        if self._leg.phase == phase and self.progress.attempt == 0 and step == 3:
            poisoned.append(step)
            return images * float("nan")
        return images

    monkeypatch.setattr(trainer_module.Trainer, "_batch", batch)
    distill(_request(photos, tmp_path / "tiny"))
    card = json.loads((tmp_path / "tiny" / "tiny.json").read_text())
    assert poisoned == [3]
    attempts = {leg["phase"]: leg["attempts"] for leg in card["legs"]}
    assert attempts == {"encoder": 1, "autoencoder": 1, "stylization": 1} | {phase: 2}


def test_dead_channels_are_counted():
    teacher = create_backbone("tiny")
    student = create_student(StudentSpec(architecture="tiny", ranks=(4, 6, 8, 10))).eval()
    conv = student.encoder.layers(1)[-1].conv
    with torch.no_grad():
        conv.bias[1:3] = -100.0
    images = [torch.rand(2, 3, 32, 32, generator=torch.Generator().manual_seed(0))]
    basis = torch.linalg.qr(torch.randn(8, 4, generator=torch.Generator().manual_seed(1)))[0]
    (report,) = evaluate_taps(student, teacher, [basis], images)
    assert report.dead_channels == 2
    assert report.channels == 4


def test_a_student_that_is_the_projected_teacher_reaches_the_ceiling():
    teacher = create_backbone("tiny")
    student = create_student(StudentSpec(architecture="tiny", ranks=(8, 6, 8, 10))).eval()
    convs = student.encoder.layers(1)[-1].conv, teacher.blocks[0][-1]
    with torch.no_grad():
        convs[0].weight.copy_(convs[1].weight / 0.25)
        convs[0].bias.copy_(convs[1].bias - (convs[1].weight * 0.5 / 0.25).sum(dim=(1, 2, 3)))
    images = [torch.rand(2, 3, 32, 32, generator=torch.Generator().manual_seed(0))]
    (report,) = evaluate_taps(student, teacher, [torch.eye(8)], images)
    assert report.ceiling == pytest.approx(1.0)
    assert report.r2 == pytest.approx(1.0, abs=1e-6)


def test_crops_depend_on_the_key_alone(photos):
    first, again = (Photos(photos, held_out=2, seed=3) for _ in range(2))
    again.batch((9, 9), size=2, crop=32)
    assert torch.equal(first.batch((1, 2), size=4, crop=32), again.batch((1, 2), size=4, crop=32))
    assert not torch.equal(
        first.batch((1, 2), size=4, crop=32), first.batch((1, 3), size=4, crop=32)
    )
    assert not set(first.held_out) & set(first.training)


def test_couples_are_each_others_style_or_twins(photos):
    sampling = Sampling(zoom=(24, 60), exposure=1.0, couples=True, twins=1.0)
    crops = Photos(photos, held_out=2, seed=3).batch((1,), size=4, crop=32, sampling=sampling)
    assert torch.equal(crops[0], crops[1])
    assert torch.equal(crops[2], crops[3])
    assert not torch.equal(crops[0], crops[2])
    apart = replace(sampling, twins=0.0)
    crops = Photos(photos, held_out=2, seed=3).batch((1,), size=4, crop=32, sampling=apart)
    assert not torch.equal(crops[0], crops[1])
    assert crops.min() >= 0.0
    assert crops.max() <= 1.0


def test_small_photos_are_enlarged(photos):
    assert Photos(photos, held_out=1, seed=0).batch((0,), size=1, crop=96).shape == (1, 3, 96, 96)


@pytest.mark.parametrize("architecture", ["mobilenet_v1", "vgg16"])
def test_norms_of_signed_coefficients_start_at_an_offset(architecture):
    ranks = (4, 5, 6, 7)
    student = create_student(StudentSpec(architecture=architecture, ranks=ranks), seed=0)
    bases = [
        Eigenbasis(
            basis=torch.eye(rank + 1)[:, :rank],
            eigenvalues=torch.arange(rank + 1.0, 0.0, -1.0),
            mcev=1.0,
            explained=1.0,
        )
        for rank in ranks
    ]
    teacher = create_backbone("tiny")
    setting = Setting(student=student, teacher=teacher, check_teacher=teacher, eigenbases=bases)
    phase = EncoderPhase(setting, replace(RECIPE, tap_offset=1.5))
    phase.prepare([torch.rand(2, 3, 32, 32)])
    for block, eigenbasis in zip(phase.blocks, bases, strict=True):
        deviation = eigenbasis.eigenvalues[: eigenbasis.rank].sqrt()
        torch.testing.assert_close(block[-1].norm.weight, deviation)
        torch.testing.assert_close(block[-1].norm.bias, 1.5 * deviation)
        inner = 1.5 if block[-1].conv.groups > 1 else 0.0  # a depthwise tap passes channels on
        assert all((layer.norm.bias == inner).all() for layer in block[-2:-1])
        assert all((layer.norm.bias == 0.0).all() for layer in block[:-2])


def test_the_rate_rises_and_falls():
    schedule = Schedule(steps=100, rate=1.0)
    rates = [schedule.rate_at(step) for step in range(100)]
    assert max(rates) == pytest.approx(1.0, abs=0.02)
    assert rates[0] < rates[5] < rates[9]
    assert rates[20] > rates[60] > rates[99] > 0.0


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


def test_a_damaged_checkpoint_is_refused(photos, tmp_path):
    folder = tmp_path / "tiny"
    folder.mkdir()
    (folder / "checkpoint.safetensors").write_bytes(b"torn")
    with pytest.raises(TrainingError, match="cannot be read as safetensors"):
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


def test_a_journal_keeps_what_came_before_the_position(tmp_path):
    legs = [Leg(phase=phase, schedule=SCHEDULE) for phase in ("encoder", "autoencoder")]

    def row(leg, attempt, step):
        return {"block": 0, "attempt": attempt, "phase": legs[leg].phase, "step": step} | {
            "rate": 1.0,
            "global_step": 100 * leg + step,
            "loss": 0.5,
        }

    # the decoders collapsed at step 40 and began again
    rows = [row(0, 0, 20), row(1, 0, 20), row(1, 0, 40), row(1, 1, 20), row(1, 1, 40)]
    with Journal(tmp_path, legs=legs, position=(0, 0, 0)) as journal:
        for each in rows:
            journal.add(each)
    with (tmp_path / "losses.csv").open("a") as stream:
        stream.write("0,1,autoencoder")  # torn by a kill
    with Journal(tmp_path, legs=legs, position=(1, 1, 120)):
        pass
    with (tmp_path / "losses.csv").open() as stream:
        kept = [(r["phase"], int(r["attempt"]), int(r["step"])) for r in csv.DictReader(stream)]
    assert kept == [
        ("encoder", 0, 20),
        ("autoencoder", 0, 20),
        ("autoencoder", 0, 40),
        ("autoencoder", 1, 20),
    ]


def test_two_trainings_are_compared_and_reasons_are_named(unbroken):
    student, other = (load_student(unbroken / "tiny.safetensors") for _ in range(2))
    same = describe_reproduction(student, other, name="tiny")
    assert same == "the same weights as tiny, bit for bit"
    other.card = other.card | {"threads": 7, "recipe": other.card["recipe"] | {"seed": 5}}
    with torch.no_grad():
        other.encoder.layers(1)[0].conv.bias[0] += 0.5
    text = describe_reproduction(student, other, name="tiny")
    assert "1 of " in text
    assert "at most 0.5" in text
    assert f"threads is {torch.get_num_threads()}, was 7" in text
    assert "recipe.seed is 0, was 5" in text
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


def test_linear_features_are_normalised_in_training_and_pixels_are_not():
    design = BlockDesign(kind="inverted", stride=2, expansion=2.0, linear=True)
    spec = StudentSpec(architecture="designed", ranks=(2, 3, 4, 5), designs=(design,) * 4)
    student = create_student(spec).eval()
    for layers in (student.encoder.layers(2), student.decoder.layers(1), student.decoder.layers(2)):
        prepare_layers(layers)
        follow_batches(layers, live=True)
    last = [s.layers(b)[-1] for s, b in
            ((student.encoder, 2), (student.decoder, 1), (student.decoder, 2))]  # fmt: skip
    assert [layer.norm.training for layer in last] == [True, False, True]
