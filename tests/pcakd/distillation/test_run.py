"""Whole distillations of a seeded tiny teacher: what they leave, and what they refuse."""

import csv
import json
import shutil
from dataclasses import replace

import pytest
import torch
from PIL import Image
from safetensors.torch import save_file
from tiny_distillation import RECIPE, SCHEDULE, make_config

from pcakd.backbones import create_backbone, describe_blocks
from pcakd.distillation.recipe import Recipe
from pcakd.distillation.run import distill
from pcakd.distillation.schedule import Schedule
from pcakd.eigenbases import load_eigenbases
from pcakd.errors import ConfigError, ImageError, OutputError, TrainingError
from pcakd.images import load_image
from pcakd.images.perceptual import METHOD, hash_picture
from pcakd.pipeline import stylize
from pcakd.students import find_block_type, load_student
from pcakd.weights import get_weight_set

pytestmark = pytest.mark.usefixtures("lenient_images")


def test_a_run_leaves_student_card_logs_and_sheets(unbroken, photos):
    student = load_student(unbroken / "tiny.safetensors")
    card = json.loads((unbroken / "tiny.json").read_text())
    assert student.card["ranks"] == [4, 6, 8, 10] == card["ranks"]
    assert [phase["phase"] for phase in card["phases"]] == ["encoder", "autoencoder", "stylization"]
    assert set(card["manifest"]) <= {p.name for p in photos.iterdir()}
    assert len(card["manifest"]) + 1 == len(list(photos.iterdir()))
    assert card["pictures"]["method"] == METHOD
    assert card["pictures"]["hashes"] == {
        name: hash_picture(load_image(photos / name)) for name in card["manifest"]
    }
    for phase in (card["phases"][0], card["phases"][2]):
        assert all(tap["r2"] <= tap["ceiling"] <= 1.0 for tap in phase["taps"])
    assert {"style", "structure", "perceptual"} <= set(card["phases"][2]["held_out_losses"])
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


def test_bad_input_is_one_line(unbroken, photos, tmp_path):
    with pytest.raises(TrainingError, match="resume it, or name another folder"):
        distill(make_config(photos, unbroken))
    other = replace(RECIPE, seed=3)
    with pytest.raises(TrainingError, match=r"of a run with other settings: \w+ was"):
        distill(make_config(photos, unbroken, recipe=other, resume=True))
    (tmp_path / "a").touch()
    with pytest.raises(OutputError, match="cannot write into"):
        distill(make_config(photos, tmp_path / "a" / "b"))
    with pytest.raises(ConfigError, match="multiple of 16"):
        Schedule(steps=1, rate=1.0, crop=100)
    with pytest.raises(ConfigError, match="batch must be even"):
        Recipe(stylization=replace(SCHEDULE, batch=3))
    with pytest.raises(ConfigError, match="zoom must be two rising numbers"):
        Recipe(zoom=(60, 24))


def test_a_broken_photograph_is_found_before_training(photos, tmp_path):
    data = tmp_path / "data"
    shutil.copytree(photos, data)
    broken = data / "5.png"
    broken.write_bytes(broken.read_bytes()[:-200])
    with pytest.raises(ImageError, match=r"5\.png cannot be decoded"):
        distill(make_config(data, tmp_path / "run"))
    broken.write_text("no image")
    with pytest.raises(ImageError, match=r"5\.png is not an image"):
        distill(make_config(data, tmp_path / "run"))
    Image.new("RGB", (900, 3)).save(broken)
    with pytest.raises(ImageError, match="too narrow"):
        distill(make_config(data, tmp_path / "run"))
    for photo in data.iterdir():
        Image.new("RGB", (60, 60), "white").save(photo)
    with pytest.raises(TrainingError, match=r"the training photographs in .*data are flat"):
        distill(make_config(data, tmp_path / "run"))
    assert not (tmp_path / "run").exists()


def test_the_photographs_folder_is_no_output(photos, tmp_path):
    data, link = tmp_path / "data", tmp_path / "link"
    shutil.copytree(photos, data)
    link.symlink_to(data)
    before = sorted(path.name for path in data.iterdir())
    for output in (data, link):
        with pytest.raises(TrainingError, match="is the folder of the photographs"):
            distill(make_config(data, output))
    assert sorted(path.name for path in data.iterdir()) == before


@pytest.mark.parametrize("name", ["mobilenet_v2", "timm/tf_efficientnet_lite0", "timm/resnet18"])
def test_students_of_other_backbones_have_their_blocks(name, photos, tmp_path):
    """Random teachers: the machinery from the name of a backbone to a stylized image."""
    weights = {"weight_set": "seeded"}
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
        weights = {"path": tmp_path / "w.safetensors"}
    short = replace(SCHEDULE, steps=2)
    recipe = replace(RECIPE, encoder=short, autoencoder=short, stylization=short)
    config = make_config(
        photos,
        tmp_path / "run",
        recipe=recipe,
        backbone=name,
        ranks=(2, 3, 4, 5),
        weights=next(iter(weights.values())),
    )
    trained, card = distill(config)
    path = config.student_path
    assert path.name == f"{name.removeprefix('timm/')}.safetensors"
    student = load_student(path)
    assert trained.card == student.card == card
    assert not trained.training
    assert not any(parameter.requires_grad for parameter in trained.parameters())
    assert student.spec.designs == describe_blocks(create_backbone(name, **weights))
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
    distill(replace(config, resume=True))
    assert path.read_bytes() == before


@pytest.mark.parametrize("blocks", ["conv", "separable"])
def test_a_student_of_one_type_of_blocks_is_distilled(photos, tmp_path, blocks):
    config = make_config(photos, tmp_path / blocks, architecture=blocks)
    student, _ = distill(config)
    assert find_block_type(load_student(config.student_path).spec) == blocks
    with torch.inference_mode():
        assert bool(student(torch.rand(3, 40, 40), torch.rand(3, 40, 40)).isfinite().all())


@pytest.mark.parametrize("low_rank", [None, 0.5])
def test_a_finished_student_is_tuned_by_the_last_phase(unbroken, photos, tmp_path, low_rank):
    start = unbroken / "tiny.safetensors"
    config = make_config(photos, tmp_path, start=start, low_rank=low_rank, ranks=None)
    student, card = distill(config)
    before = load_student(start)
    assert [phase["phase"] for phase in card["phases"]] == ["stylization"]
    assert card["ranks"] == [4, 6, 8, 10]
    assert card["start"]["low_rank"] == low_rank
    assert all(map(torch.equal, student.eigenbases, before.eigenbases))
    read = load_student(tmp_path / "tiny.safetensors")
    assert read.spec == student.spec
    assert read.spec.low_rank == (low_rank or 1.0)
    if low_rank is None:  # two steps: near the student that it starts from
        changes = [
            float((one - other).abs().max())
            for one, other in zip(read.parameters(), before.parameters(), strict=True)
        ]
        assert 0 < max(changes) < 0.2
    else:
        assert read.num_params < before.num_params


def test_a_start_that_does_not_fit_is_refused(unbroken, photos, tmp_path):
    start = unbroken / "tiny.safetensors"
    for settings, message in (
        (
            {"start": start, "ranks": (4, 6, 8, 10)},
            "the student to start from has its ranks; drop it",
        ),
        ({"low_rank": 0.5}, "low rank needs a student to start from"),
        ({"start": start, "ranks": None, "low_rank": 1.0}, "must lie between 0 and 1, got 1.0"),
        ({"start": start, "ranks": None, "architecture": "conv"}, "has its architecture"),
    ):
        with pytest.raises(ConfigError, match=message):
            make_config(photos, tmp_path, **settings)
    config = make_config(photos, tmp_path, start="mobilenet_v1", ranks=None)
    with pytest.raises(ConfigError, match="eigenbases of another teacher; start from a student of"):
        distill(config)
