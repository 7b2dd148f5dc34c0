"""Students of low rank: their weights, size and file."""

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from pcakd.blocks import Conv, ConvLayer
from pcakd.costs import count_student
from pcakd.errors import ConfigError
from pcakd.students import (
    StudentSpec,
    create_student,
    factorise_student,
    load_student,
    save_student,
)

tensorly = pytest.importorskip("tensorly", reason="the extra train is not installed")
ROOT = Path(__file__).parents[3]
HEADING = "## Students of low rank"
PAPER = {"vgg16": (10, 20, 58, 64), "mobilenet_v1": (10, 19, 37, 54)}
SPEC = StudentSpec(architecture="vgg16", ranks=(8, 8, 12, 12))


def make_low_rank(student, share):
    """Replace the weights of full convolutions by tensors of low multilinear rank."""
    generator = torch.Generator().manual_seed(0)
    for stack in (student.encoder, student.decoder):
        for block in (1, 2, 3, 4):
            for stage, layer in stack.steps(block):
                if isinstance(stage, Conv) and min(stage.in_channels, stage.out_channels) > 3:
                    after, before, *_ = layer.conv.weight.shape
                    outer = torch.randn(after, int(share * after), generator=generator)
                    inner = torch.randn(before, int(share * before), generator=generator)
                    core = torch.randn(outer.shape[1], inner.shape[1], 3, 3, generator=generator)
                    weight = torch.einsum("or,rskl,is->oikl", outer, core, inner)
                    layer.conv.weight.data.copy_(weight / weight.std() / 10)


def test_a_student_of_low_rank_is_found_again():
    student = create_student(SPEC, seed=0).eval()
    make_low_rank(student, 0.25)
    found = factorise_student(student, 0.25)
    image = torch.rand(1, 3, 32, 32)
    with torch.no_grad():
        expected, result = student.reconstruct(image), found.reconstruct(image)
    torch.testing.assert_close(result, expected, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("architecture", ["vgg16", "mobilenet_v1", "tiny"])
def test_it_is_smaller_and_counted_exactly(architecture):
    spec = StudentSpec(architecture=architecture, ranks=(8, 16, 24, 32))
    student = create_student(spec, seed=0).eval()
    found = factorise_student(student, 0.4)
    whole, small = count_student(spec), count_student(found.spec)
    assert found.num_params == small.num_params < student.num_params == whole.num_params
    assert float(small.macs) < float(whole.macs)
    image = torch.rand(1, 3, 32, 32)
    assert [tap.shape for tap in found.encode(image)] == [t.shape for t in student.encode(image)]


def test_a_pointwise_convolution_has_the_best_factors_of_its_rank():
    from pcakd.students.low_rank import _fill

    conv = Conv(in_channels=12, out_channels=10, kernel_size=1)
    layer = ConvLayer(conv)
    parts = [
        ConvLayer(replace(conv, out_channels=4, relu=False, signed=True)),
        ConvLayer(replace(conv, in_channels=4)),
    ]
    with torch.no_grad():
        _fill(layer, parts)
    first, second = (part.conv.weight[:, :, 0, 0].detach().numpy() for part in parts)
    matrix = layer.conv.weight[:, :, 0, 0].detach().numpy()
    left, values, right = np.linalg.svd(matrix)
    best = left[:, :4] * values[:4] @ right[:4]
    np.testing.assert_allclose(second @ first, best, atol=1e-5)
    assert torch.equal(parts[1].conv.bias, layer.conv.bias)


def test_counts_in_the_documents_are_those_of_students():
    text = (ROOT / "docs" / "distillation.md").read_text(encoding="utf-8")
    _, *rows = re.findall(
        r"^\| (?:share|VGG-16|MobileNet-V1) \|.*$", text.partition(HEADING)[2], re.M
    )
    assert len(rows) == 2
    for row, (architecture, ranks) in zip(rows, PAPER.items(), strict=True):
        for share, cell in zip((1, 0.75, 0.5, 0.35, 0.25), row.split("|")[2:-1], strict=True):
            spec = StudentSpec(architecture=architecture, ranks=ranks, low_rank=share)
            counts = count_student(spec)
            assert cell.strip() == f"{counts.num_params:,}, {float(counts.macs):,.0f}"


def test_its_file_keeps_the_share(tmp_path: Path):
    found = factorise_student(create_student(SPEC, seed=0).eval(), 0.5)
    save_student(tmp_path / "low.safetensors", found)
    read = load_student(tmp_path / "low.safetensors")
    assert read.spec == found.spec
    assert read.spec.low_rank == 0.5
    assert all(map(torch.equal, read.parameters(), found.parameters()))


def test_shares_out_of_range_and_twice_are_refused():
    student = create_student(SPEC, seed=0).eval()
    for share in (0.0, 1.0, -1.0):
        with pytest.raises(ConfigError, match="between 0 and 1"):
            factorise_student(student, share)
    with pytest.raises(ConfigError, match="has low rank already"):
        factorise_student(factorise_student(student, 0.5), 0.5)
    with pytest.raises(ConfigError, match=r"in \(0, 1\], got 2"):
        StudentSpec(architecture="tiny", ranks=(1, 1, 1, 1), low_rank=2)
