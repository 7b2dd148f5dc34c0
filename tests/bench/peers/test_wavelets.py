"""The Haar wavelet: sums against convolutions, inverses, and the kernels of the paper."""

import numpy as np
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st

from bench.peers.wavelets import HaarPool, HaarUnpool, haar_pool, haar_unpool, haar_unpool_bands

SIZES = st.integers(1, 6).map(lambda n: 2 * n)
LAYOUTS = (torch.contiguous_format, torch.channels_last)


def _random(*shape, seed=0, layout=torch.contiguous_format):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(shape, generator=generator, dtype=torch.float64).to(memory_format=layout)


@settings(deadline=None, max_examples=25)
@given(height=SIZES, width=SIZES, channels=st.integers(1, 5), layout=st.sampled_from(LAYOUTS))
def test_sums_are_the_convolutions_with_haar_kernels(height, width, channels, layout):
    features = _random(2, channels, height, width, layout=layout)
    bands, expected = haar_pool(features), HaarPool(channels).double()(features)
    for band, reference in zip(bands, expected, strict=True):
        torch.testing.assert_close(band, reference)
    parts = HaarUnpool(channels).double()(bands)
    low, *details = bands
    torch.testing.assert_close(haar_unpool(low, tuple(details)), sum(parts))
    both = torch.cat((*parts, features), dim=1)
    torch.testing.assert_close(haar_unpool_bands(bands, features), both)


def test_unpooling_inverts_pooling_and_the_low_band_is_twice_the_mean():
    features = _random(1, 3, 8, 6)
    low, *details = haar_pool(features)
    torch.testing.assert_close(haar_unpool(low, tuple(details)), features)
    torch.testing.assert_close(low, 2 * F.avg_pool2d(features, 2))


def test_the_kernels_are_those_of_the_paper():
    low, high = np.array([[1.0, 1.0]]) / np.sqrt(2), np.array([[-1.0, 1.0]]) / np.sqrt(2)
    kernels = HaarPool(2).kernels[:, 0].detach().numpy()
    for kernel, (rows, columns) in zip(
        kernels, ((low, low), (low, high), (high, low), (high, high)), strict=True
    ):
        np.testing.assert_allclose(kernel, rows.T @ columns, atol=1e-7)
