"""Iterative distribution transfer."""

import pytest
import torch
from colour_images import spread_image

from bench.baselines.histogram import transfer_histogram
from bench.baselines.idt import match_distribution, transfer_idt, transfer_idt_regrain
from bench.profiling.macs import count_macs
from bench.subjects import Prepared

pytestmark = pytest.mark.numerics


def sliced_distance(first, second, directions=50):
    """Return the mean 1-D transport distance of two colour distributions over random axes."""
    generator = torch.Generator().manual_seed(99)
    axes = torch.nn.functional.normalize(torch.randn(directions, 3, generator=generator), dim=1)
    levels = torch.linspace(0.005, 0.995, 100)
    quantiles = [torch.quantile(axes @ each.flatten(1), levels, dim=1) for each in (first, second)]
    return float((quantiles[0] - quantiles[1]).abs().mean())


def gradient_distance(first, second):
    """Return the mean difference of the gradients of two images."""
    across, down = ((first.diff(dim=d) - second.diff(dim=d)).abs().mean() for d in (1, 2))
    return float(across + down)


@pytest.mark.parametrize("seed", [0, 10, 20, 30])
def test_idt_reaches_the_styles_distribution_along_every_axis(seed):
    content, style = spread_image(seed), spread_image(seed + 1, 70, 50)
    before = sliced_distance(content, style)
    after = sliced_distance(transfer_idt(content, style), style)
    assert before > 0.02
    assert after < 0.1 * before
    assert after < sliced_distance(transfer_histogram(content, style), style)


def test_more_rotations_come_closer():
    content, style = spread_image(2), spread_image(3)
    distances = [
        sliced_distance(match_distribution(content, style, iterations=count), style)
        for count in (1, 4, 20)
    ]
    assert distances == sorted(distances, reverse=True)


@pytest.mark.parametrize("seed", [0, 10, 20])
def test_regraining_brings_gradients_closer_to_the_contents(seed):
    content, style = spread_image(seed), spread_image(seed + 1)
    plain, regrained = transfer_idt(content, style), transfer_idt_regrain(content, style)
    assert gradient_distance(regrained, content) < 0.8 * gradient_distance(plain, content)
    assert sliced_distance(regrained, style) < 0.5 * sliced_distance(content, style)


def test_idt_is_counted_at_any_size():
    subject = Prepared(modules=(), run=lambda c, s: match_distribution(c, s, iterations=1))
    (count,) = count_macs(subject, [(720, 1280)])
    # each of the three axes: 3 for a product, 2 for places and 1 for the mean of both images, and 3
    # for moves and 3 for channels of the content; what is not in proportion to the pixels is little
    assert 0 < count.macs_total - 720 * 1280 * 54 < 20_000
