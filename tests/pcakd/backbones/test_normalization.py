"""Channels of a mean of one."""

import pytest
import torch
from seeded_inputs import seeded_image, seeded_vgg

from pcakd.backbones import (
    measure_channel_means,
    normalize_activations,
)
from pcakd.backbones.vgg import create_vgg
from pcakd.errors import ShapeError


@pytest.fixture(scope="module")
def vgg():
    return create_vgg("vgg16", seeded_vgg(), None)


def test_normalised_channels_have_a_mean_of_one_and_the_same_directions():
    # in float64: a channel that hardly fires is the difference of large sums
    normal = create_vgg("vgg16", seeded_vgg(), None).double()
    images = [seeded_image(seed=seed).double() for seed in range(3)]
    means = measure_channel_means(normal, images)
    before = normal(images[0])
    normalize_activations(normal, means)
    pixels = 32 * 32  # means are taken in float32, of values that are not negative
    for tap, mean in zip(measure_channel_means(normal, images), means, strict=True):
        alive = mean > 1e-6
        ones = torch.ones_like(tap[alive])
        torch.testing.assert_close(
            tap[alive], ones, rtol=0, atol=pixels * torch.finfo(torch.float32).eps
        )
    for raw, scaled, mean in zip(before, normal(images[0]), means, strict=True):
        scale = torch.where(mean > 1e-6, mean, 1.0)[:, None, None]
        torch.testing.assert_close(scaled * scale, raw)


def test_a_silent_channel_keeps_its_scale():
    tensors = seeded_vgg()
    tensors["features.0.weight"][5] = 0.0
    tensors["features.0.bias"][5] = -1.0
    teacher = create_vgg("vgg16", tensors, None)
    normalize_activations(teacher, measure_channel_means(teacher, [seeded_image()]))
    assert all(bool(torch.isfinite(tap).all()) for tap in teacher(seeded_image()))


def test_no_image_gives_no_means(vgg):
    with pytest.raises(ShapeError, match="no image"):
        measure_channel_means(vgg, [])
