"""Reinhard's transfer against scikit-image's colour space."""

import torch
from colour_images import correlated_image
from skimage.color import lab2rgb, rgb2lab

from bench.baselines import transfer_reinhard


def test_reinhard_is_the_formula_in_scikit_images_lab() -> None:
    content, style = correlated_image(5).double(), correlated_image(6, 30, 10).double()
    a, b = (rgb2lab(image.numpy(), channel_axis=0) for image in (content, style))
    moments = [(x.mean((1, 2), keepdims=True), x.std((1, 2), keepdims=True)) for x in (a, b)]
    (mean, deviation), (goal_mean, goal_deviation) = moments
    lab = (a - mean) * goal_deviation / deviation + goal_mean
    expected = torch.from_numpy(lab2rgb(lab, channel_axis=0))
    torch.testing.assert_close(transfer_reinhard(content, style), expected)
