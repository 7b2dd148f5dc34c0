import re
from pathlib import Path

import pytest
import torch

from pcakd.backbones import load_backbone
from pcakd.costs import count_student
from pcakd.errors import UnknownNameError
from pcakd.pipeline import stylize
from pcakd.students import (
    create_student,
    describe_student,
    find_block_type,
    load_student,
    save_student,
)

RANKS = (3, 4, 5, 6)
DOCS = Path(__file__).parents[3] / "docs/distillation.md"


@pytest.mark.parametrize("blocks", ["conv", "separable"])
def test_a_type_keeps_the_strides_of_the_teacher(blocks):
    teacher = load_backbone("tiny")
    spec = describe_student(teacher, RANKS, blocks=blocks)
    assert spec.architecture == "designed"
    assert [design.stride for design in spec.designs] == [1, 2, 2, 2]
    assert {design.decoder for design in spec.designs} == {blocks}
    student = create_student(spec).eval()
    image = torch.rand(1, 3, 48, 64)
    taps = student.encode(image)
    assert [tuple(tap.shape[1:]) for tap in taps] == [
        (3, 48, 64), (4, 24, 32), (5, 12, 16), (6, 6, 8)
    ]  # fmt: skip
    assert student.reconstruct(image).shape == image.shape
    assert find_block_type(spec) == blocks


def test_without_a_type_it_is_the_architecture_of_before():
    teacher = load_backbone("tiny")
    assert describe_student(teacher, RANKS).architecture == "tiny"
    assert find_block_type(describe_student(teacher, RANKS)) is None


def test_separable_decoders_run_in_tiles_as_on_whole_maps():
    """Their first convolution takes the feature transform, the depthwise ones pad at borders."""
    spec = describe_student(load_backbone("tiny"), RANKS, blocks="separable")
    student = create_student(spec, regularizer=0.1, colour_transfer=1.0).eval()
    content, style = torch.rand(3, 70, 90), torch.rand(3, 50, 60)
    plain = stylize(student, content, style)  # differentiable: on whole maps
    assert plain.requires_grad
    tiled = stylize(student.requires_grad_(False), content, style)
    torch.testing.assert_close(tiled, plain.detach(), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("blocks", ["conv", "separable"])
def test_files_round_trip(tmp_path, blocks):
    spec = describe_student(load_backbone("tiny"), RANKS, blocks=blocks)
    save_student(tmp_path / "a.safetensors", create_student(spec))
    assert load_student(tmp_path / "a.safetensors").spec == spec


def test_other_types_are_unknown():
    with pytest.raises(UnknownNameError, match="did you mean 'separable'"):
        describe_student(load_backbone("tiny"), RANKS, blocks="seperable")


@pytest.mark.weights
@pytest.mark.parametrize("name", ["vgg16", "mobilenet_v1"])
def test_the_documents_have_these_counts(weights_folder, name):
    teacher = load_backbone(name)
    title = {"vgg16": "VGG-16", "mobilenet_v1": "MobileNet-V1"}[name]
    row = re.search(rf"^\| {title} \(([\d, ]+)\) \|(.*)\|$", DOCS.read_text(encoding="utf-8"), re.M)
    ranks = tuple(map(int, row[1].split(",")))
    found = []
    for blocks in (None, "conv", "separable"):
        counts = count_student(describe_student(teacher, ranks, blocks=blocks))
        found.append(f"{counts.num_params:,}, {round(float(counts.macs)):,}")
    assert [cell.strip() for cell in row[2].split("|")] == found
