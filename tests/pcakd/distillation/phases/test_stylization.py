"""What the stylization phase computes, against the plain pipeline and other libraries."""

from dataclasses import replace
from itertools import product

import numpy as np
import pytest
import torch
from scipy.ndimage import sobel
from skimage.metrics import structural_similarity as skimage_ssim

from bench.quality.gram import bounded_distance, relative_distance
from pcakd.backbones import create_backbone
from pcakd.distillation.context import TrainingContext
from pcakd.distillation.losses.perceptual import (
    bounded_style_distance,
    gradient_magnitude,
    gram_matrix,
    perceptual_distance,
    structural_similarity,
    style_distance,
    unit_vectors,
)
from pcakd.distillation.phases import StylizationPhase
from pcakd.distillation.recipe import Recipe, StylizationWeights
from pcakd.eigenbases import Eigenbasis
from pcakd.errors import ConfigError
from pcakd.pipeline import stylize
from pcakd.students import StudentSpec, create_student

WIDTHS, RANKS = (8, 12, 16, 20), (4, 6, 8, 10)


def _random(*shape, seed=0):
    return torch.rand(*shape, generator=torch.Generator().manual_seed(seed))


def test_similarity_is_that_of_scikit_image():
    one, other = _random(2, 3, 24, 30), _random(2, 3, 24, 30, seed=1)
    expected = np.mean(
        [
            skimage_ssim(a.numpy(), b.numpy(), channel_axis=0, data_range=1.0)
            for a, b in zip(one, other, strict=True)
        ]
    )
    # scikit-image averages inner windows alone, and so do we
    assert float(structural_similarity(one, other)) == pytest.approx(expected, abs=1e-5)
    assert float(structural_similarity(one, one)) == pytest.approx(1.0, abs=1e-6)


def test_the_style_distance_is_that_of_the_scores():
    taps = [_random(1, 6, 9, 7), _random(1, 8, 5, 5, seed=1)]
    goals = [gram_matrix(_random(1, 6, 4, 8, seed=2)), gram_matrix(_random(1, 8, 6, 6, seed=3))]
    expected = relative_distance([gram_matrix(tap)[0] for tap in taps], [g[0] for g in goals])
    assert float(style_distance(taps, goals)) == pytest.approx(expected, rel=1e-6)


def test_the_bounded_style_distance_is_that_of_the_scores():
    taps = [_random(1, 6, 9, 7), _random(1, 8, 5, 5, seed=1)]
    goals = [gram_matrix(_random(1, 6, 4, 8, seed=2)), gram_matrix(_random(1, 8, 6, 6, seed=3))]
    expected = bounded_distance([gram_matrix(tap)[0] for tap in taps], [g[0] for g in goals])
    assert float(bounded_style_distance(taps, goals)) == pytest.approx(expected, rel=1e-6)


def test_too_little_texture_is_as_far_as_too_much():
    tap = _random(1, 6, 9, 7)
    goals = [gram_matrix(tap)]
    weak, strong = [0.1 * tap], [10.0 * tap]
    bounded = [float(bounded_style_distance(each, goals)) for each in (weak, strong)]
    assert bounded[0] == pytest.approx(bounded[1], rel=1e-5)
    relative = [float(style_distance(each, goals)) for each in (weak, strong)]
    assert relative[1] > 90.0 * relative[0]


def test_gradients_are_those_of_scipy():
    image = _random(2, 3, 12, 15)
    grey = image.double().mean(dim=1).numpy()
    expected = [np.hypot(sobel(g, axis=0), sobel(g, axis=1))[1:-1, 1:-1] / 4.0 for g in grey]
    found = gradient_magnitude(image)[:, 0].numpy()
    np.testing.assert_allclose(found, np.stack(expected), atol=1e-3)
    step = torch.zeros(1, 3, 8, 8)
    step[..., 4:] = 1.0
    assert float(gradient_magnitude(step).max()) == pytest.approx(1.0, abs=1e-5)


def test_equal_images_have_no_distance():
    taps = [_random(2, 6, 9, 7)]
    units = [unit_vectors(tap) for tap in taps]
    # squared lengths have 1e-6 added before they divide
    short = 1e-6 / float(taps[0].square().sum(dim=1).min())
    rounding = 16 * torch.finfo(torch.float32).eps  # six squares, a root, six squares again
    torch.testing.assert_close(
        units[0].square().sum(dim=1), torch.ones(2, 9, 7), rtol=0, atol=short + rounding
    )
    assert float(perceptual_distance(taps, units)) == 0.0
    assert float(perceptual_distance(taps, [-unit for unit in units])) == pytest.approx(
        4.0, abs=4 * (short + rounding)
    )


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
    phase = StylizationPhase(context, Recipe(regularizer=0.5), teacher)
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


def test_weights_that_make_no_sense_are_refused():
    with pytest.raises(ConfigError, match="finite, 0 or more"):
        StylizationWeights(style=-1.0)
