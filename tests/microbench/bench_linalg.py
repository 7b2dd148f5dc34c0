"""Covariances, square roots and transforms of features."""

import pytest
import torch

from pcakd.linalg import matrix_power, measure_statistics
from pcakd.transforms import TRANSFORMS, fit_transform


def random_features(channels, side, seed=0):
    return torch.randn(channels, side, side, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize(("channels", "side"), [(10, 512), (64, 64), (512, 64)])
def test_covariance(benchmark, channels, side):
    benchmark(measure_statistics, random_features(channels, side))


@pytest.mark.parametrize("exponent", [0.5, -0.5])
@pytest.mark.parametrize("channels", [10, 64, 512])
def test_square_root(benchmark, channels, exponent):
    covariance = measure_statistics(random_features(channels, 64)).covariance
    benchmark(matrix_power, covariance, exponent)


@pytest.mark.parametrize("transform", TRANSFORMS)
def test_transform(benchmark, transform):
    content, style = (measure_statistics(random_features(64, 64, seed)) for seed in (0, 1))
    benchmark(fit_transform, transform, content, style, regularizer=1.0)
