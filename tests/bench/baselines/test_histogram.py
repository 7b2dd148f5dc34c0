"""Histogram matching is scikit-image's."""

import torch
from colour_images import spread_image
from skimage.exposure import match_histograms

from bench.baselines.histogram import transfer_histogram


def test_histogram_matching_is_scikit_images():
    content, style = spread_image(7), spread_image(8, 33, 80)
    expected = match_histograms(content.numpy(), style.numpy(), channel_axis=0)
    torch.testing.assert_close(transfer_histogram(content, style), torch.from_numpy(expected))
