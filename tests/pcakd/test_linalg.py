import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from pcakd.errors import ShapeError
from pcakd.linalg import (
    Statistics,
    matrix_power,
    measure_statistics,
    measure_statistics_reference,
)

shapes = st.tuples(st.integers(1, 9), st.integers(1, 12), st.integers(1, 12))


def _features(shape, seed, mean=0.0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed)) + mean


@given(shapes, st.integers(0, 2**16), st.sampled_from([0.0, 100.0]))
def test_blockwise_statistics_agree_with_the_definition(shape, seed, mean):
    features = _features(shape, seed, mean)
    fast, plain = measure_statistics(features), measure_statistics_reference(features)
    rounding = torch.finfo(torch.float32).eps * shape[1] * shape[2]  # of a float32 sum of pixels
    torch.testing.assert_close(fast.mean, plain.mean, rtol=0, atol=rounding * (mean + 5.0))
    torch.testing.assert_close(fast.covariance, plain.covariance, rtol=0, atol=rounding * 5.0**2)


def test_statistics_of_more_pixels_than_a_block():
    features = _features((64, 400, 400), 0, mean=30.0)
    fast, plain = measure_statistics(features), measure_statistics_reference(features)
    torch.testing.assert_close(fast.covariance, plain.covariance, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("shape", [(4, 4), (1, 2, 3, 4), (3, 0, 4)])
def test_statistics_refuse_other_shapes(shape):
    with pytest.raises(ShapeError, match=r"expected features of shape"):
        measure_statistics(torch.zeros(shape))


@given(st.integers(1, 8), st.integers(0, 2**16))
def test_roots_undo_each_other(channels, seed):
    square = _features((1, channels, channels + 2), seed)[0].double()
    matrix = square @ square.T + 0.1 * torch.eye(channels, dtype=torch.float64)
    root, inverse = matrix_power(matrix, 0.5), matrix_power(matrix, -0.5)
    eye = torch.eye(channels, dtype=torch.float64)
    torch.testing.assert_close(root @ root, matrix, rtol=1e-9, atol=1e-9)
    torch.testing.assert_close(root @ inverse, eye, rtol=1e-7, atol=1e-7)


def test_small_eigenvalues_are_dropped():
    matrix = torch.diag(torch.tensor([4.0, 1e-7, 0.0], dtype=torch.float64))
    expected = torch.diag(torch.tensor([0.5, 0.0, 0.0], dtype=torch.float64))
    torch.testing.assert_close(matrix_power(matrix, -0.5), expected)


def test_statistics_are_values():
    moments = Statistics(mean=torch.zeros(2), covariance=torch.eye(2))
    with pytest.raises(AttributeError):
        moments.mean = torch.ones(2)
