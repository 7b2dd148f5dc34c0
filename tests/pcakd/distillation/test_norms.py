"""Norms that layers have while they train."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from pcakd.backbones import create_backbone
from pcakd.blocks import BlockDesign, Conv, ConvLayer
from pcakd.distillation.context import TrainingContext
from pcakd.distillation.norms import follow_batches, prepare_layers
from pcakd.distillation.phases import EncoderPhase
from pcakd.distillation.recipe import Recipe
from pcakd.eigenbases import Eigenbasis
from pcakd.students import StudentSpec, create_student


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
    context = TrainingContext(
        student=student, teacher=teacher, check_teacher=teacher, eigenbases=bases
    )
    phase = EncoderPhase(context, Recipe(tap_offset=1.5))
    phase.prepare([torch.rand(2, 3, 32, 32)])
    for block, eigenbasis in zip(phase.blocks, bases, strict=True):
        deviation = eigenbasis.eigenvalues[: eigenbasis.rank].sqrt()
        torch.testing.assert_close(block[-1].norm.weight, deviation)
        torch.testing.assert_close(block[-1].norm.bias, 1.5 * deviation)
        inner = 1.5 if block[-1].conv.groups > 1 else 0.0  # a depthwise tap passes channels on
        assert all((layer.norm.bias == inner).all() for layer in block[-2:-1])
        assert all((layer.norm.bias == 0.0).all() for layer in block[:-2])


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


@given(st.booleans(), st.sampled_from([1, 2]), st.integers(0, 100))
@settings(max_examples=20)
def test_folding_changes_nothing_but_the_cost(depthwise, stride, seed):
    torch.manual_seed(seed)
    layer = ConvLayer(Conv(in_channels=5, out_channels=5, stride=stride, depthwise=depthwise))
    prepare_layers([layer])
    layer.double().norm.train()
    layer.standardize_input(torch.randn(5).double(), torch.rand(5).double() + 0.5)
    for _ in range(3):
        layer(torch.randn(2, 5, 8, 8).double())
    layer.eval()
    image = torch.randn(1, 5, 9, 8).double()
    with torch.no_grad():
        before = layer(image)
        layer.fold()
        assert layer.norm is None
        assert layer.input_mean is None
        torch.testing.assert_close(layer(image), before)
