"""What the stylization phase computes, against the plain pipeline and other libraries."""

from dataclasses import replace
from itertools import product

import pytest
import torch

from pcakd.backbones import create_backbone
from pcakd.distillation.context import TrainingContext
from pcakd.distillation.losses.style import gaussian_distance, moment_distance, sliced_distance
from pcakd.distillation.phases import LOSSES, StylizationPhase
from pcakd.distillation.phases.stylization import OPTIONAL_LOSSES
from pcakd.distillation.recipe import Recipe, StylizationWeights
from pcakd.eigenbases import Eigenbasis
from pcakd.errors import ConfigError, UnknownNameError
from pcakd.pipeline import stylize
from pcakd.students import StudentSpec, create_student

WIDTHS, RANKS = (8, 12, 16, 20), (4, 6, 8, 10)


def _random(*shape, seed=0):
    return torch.rand(*shape, generator=torch.Generator().manual_seed(seed))


@pytest.fixture(params=[0.0, 0.5])
def phase(request):
    teacher = create_backbone("tiny")
    student = create_student(
        StudentSpec(architecture="tiny", ranks=RANKS),
        regularizer=0.5,
        colour_transfer=request.param,
    )
    bases = [
        Eigenbasis(
            basis=torch.linalg.qr(_random(c, k))[0],
            eigenvalues=torch.linspace(1.0, 0.1, c, dtype=torch.float64),
            mcev=0.9,
            explained=0.9,
        )
        for c, k in zip(WIDTHS, RANKS, strict=True)
    ]
    context = TrainingContext(
        student=student, teacher=teacher, check_teacher=teacher, eigenbases=bases
    )
    phase = StylizationPhase(context, Recipe(regularizer=0.5), [teacher])
    phase.prepare([_random(2, 3, 32, 32, seed=9)])
    return phase


def test_an_image_pair_is_stylized_as_the_pipeline_does(phase):
    student = phase.context.student.eval().double()
    images = _random(2, 3, 32, 32).double()
    content, style, stylized = phase.draw_sheet(images)
    assert torch.equal(content, images)
    assert torch.equal(style, images.flip(0))
    for index in (0, 1):
        expected = stylize(student, images[index], images[1 - index])
        torch.testing.assert_close(stylized[index], expected)


@pytest.mark.parametrize("colour_transfer", [0.0, 1.0])
def test_the_error_of_flat_saturated_colours_is_reported(phase, colour_transfer):
    phase.recipe = replace(phase.recipe, min_r2_share=-1e9, max_dead_share=1.0)
    student = phase.context.student.eval()
    student.colour_transfer = colour_transfer
    reported = phase.examine([_random(4, 3, 32, 32).sigmoid()])["flat_colour_error"]
    errors = []
    for corner in product((0.0, 1.0), repeat=3):
        flat = torch.tensor(corner)[:, None, None].expand(3, 48, 40)
        with torch.inference_mode():
            errors.append(float((stylize(student, flat, flat) - flat).abs().max()))
    assert reported == pytest.approx(max(errors), abs=1e-3)
    # a colour transfer brings a flat image to the mean of its style
    assert (reported < 1e-3) == bool(colour_transfer)


def test_all_weights_of_a_student_get_gradients(phase):
    terms = phase.losses(_random(4, 3, 32, 32))
    phase.total(terms).backward()
    phase.limit_gradients()
    gradients = [p.grad for layer in phase.layers for p in layer.parameters()]
    assert all(gradient is not None and bool(gradient.isfinite().all()) for gradient in gradients)
    length = torch.stack([gradient.norm() for gradient in gradients]).norm()
    assert 0.0 < float(length) <= 1.0 + 1e-5


@pytest.mark.parametrize("name", OPTIONAL_LOSSES)
def test_an_optional_loss_is_there_if_it_has_a_weight(phase, name):
    images = _random(4, 3, 32, 32)
    before = phase.losses(images)
    assert not before.keys() & set(OPTIONAL_LOSSES)
    assert before.keys() | set(OPTIONAL_LOSSES) <= set(LOSSES)
    weights = replace(phase.recipe.weights, **{name: 7.0})
    phase.recipe = replace(phase.recipe, weights=weights)
    terms = phase.losses(images)
    assert terms.keys() - before.keys() == {name}
    expected = phase.total(before) + 7.0 * terms[name]
    torch.testing.assert_close(phase.total(terms), expected)
    phase.total(terms).backward()
    gradients = [p.grad for layer in phase.layers for p in layer.parameters()]
    assert all(bool(gradient.isfinite().all()) for gradient in gradients)


@pytest.mark.parametrize("name", OPTIONAL_LOSSES[:3])
def test_an_optional_style_loss_compares_with_the_other_image_of_a_pair(phase, name):
    images = _random(2, 3, 32, 32)
    stylized = phase.draw_sheet(images)[2]
    phase.recipe = replace(phase.recipe, weights=replace(phase.recipe.weights, **{name: 1.0}))
    distance = {
        "moments": moment_distance,
        "gaussians": gaussian_distance,
        "slices": sliced_distance,
    }[name]
    (network,) = phase.perceptual
    expected = distance(network(stylized), network(images.flip(0)))
    torch.testing.assert_close(phase.losses(images)[name], expected, rtol=1e-4, atol=1e-5)


def test_several_networks_are_averaged_over_all_taps(phase):
    images = _random(4, 3, 32, 32)
    once = phase.losses(images)
    phase.perceptual *= 2
    twice = phase.losses(images)
    torch.testing.assert_close(twice, once)
    phase.perceptual = [phase.perceptual[0], create_backbone("tiny", seed=1)]
    other = phase.losses(images)
    (second,) = phase.perceptual[1:]
    phase.perceptual = [second]
    alone = phase.losses(images)
    for name in ("style", "bounded_style", "perceptual"):
        torch.testing.assert_close(other[name], (once[name] + alone[name]) / 2)


def test_another_transform_can_be_trained_through(phase):
    student = phase.context.student.eval().double()
    images = _random(2, 3, 32, 32).double()
    phase.recipe = replace(phase.recipe, transform="ot")
    stylized = phase.draw_sheet(images)[2]
    expected = stylize(student, *images, transform="ot")
    torch.testing.assert_close(stylized[0], expected)
    with pytest.raises(UnknownNameError, match="wct"):
        Recipe(transform="wct")


def test_weights_that_make_no_sense_are_refused():
    with pytest.raises(ConfigError, match="finite, 0 or more"):
        StylizationWeights(style=-1.0)
