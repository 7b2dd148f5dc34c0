import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from plain_statistics import measure_statistics_reference

from pcakd.errors import NumericalError, ShapeError
from pcakd.linalg import (
    FLOOR,
    Statistics,
    matrix_power,
    measure_batch,
    measure_statistics,
)

shapes = st.tuples(st.integers(1, 9), st.integers(1, 12), st.integers(1, 12))


def _features(shape, seed, mean=0.0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed)) + mean


@given(shapes, st.integers(0, 2**16), st.sampled_from([0.0, 100.0]), st.booleans())
def test_blockwise_statistics_agree_with_the_definition(shape, seed, mean, channels_last):
    features = _features(shape, seed, mean)
    if channels_last:
        features = features.permute(1, 2, 0).contiguous().permute(2, 0, 1)
    fast, plain = measure_statistics(features), measure_statistics_reference(features)
    rounding = torch.finfo(torch.float32).eps * shape[1] * shape[2]  # of a float32 sum of pixels
    torch.testing.assert_close(fast.mean, plain.mean, rtol=0, atol=rounding * (mean + 5.0))
    torch.testing.assert_close(fast.covariance, plain.covariance, rtol=0, atol=rounding * 5.0**2)


def test_statistics_of_more_pixels_than_a_block():
    features = _features((64, 400, 400), 0, mean=30.0).double()
    fast, plain = measure_statistics(features), measure_statistics_reference(features)
    torch.testing.assert_close(fast.covariance, plain.covariance)


@pytest.mark.parametrize("channels", [3, 9, 12, 13])
def test_statistics_of_few_channels_side_by_side(channels):
    rows = _features((487, 641, channels), 1, mean=30.0)  # several blocks, and pixels left over
    features = rows.permute(2, 0, 1)
    fast, plain = measure_statistics(features), measure_statistics_reference(features.double())
    torch.testing.assert_close(fast.mean, plain.mean, rtol=0, atol=1e-4)
    torch.testing.assert_close(fast.covariance, plain.covariance, rtol=0, atol=1e-4)


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
    torch.testing.assert_close(root @ root, matrix)
    torch.testing.assert_close(root @ inverse, eye)


def test_small_eigenvalues_are_dropped():
    matrix = torch.diag(torch.tensor([4.0, 1e-7, 0.0], dtype=torch.float64))
    expected = torch.diag(torch.tensor([0.5, 0.0, 0.0], dtype=torch.float64))
    torch.testing.assert_close(matrix_power(matrix, -0.5), expected)


def test_statistics_are_values():
    moments = Statistics(mean=torch.zeros(2), covariance=torch.eye(2))
    with pytest.raises(AttributeError):
        moments.mean = torch.ones(2)


@given(shapes, st.integers(0, 2**16), st.sampled_from([0.0, 30.0]))
def test_statistics_of_a_batch_are_those_of_its_images(shape, seed, mean):
    batch = torch.stack([_features(shape, seed + each, mean).double() for each in range(3)])
    found = measure_batch(batch)
    for index, image in enumerate(batch):
        expected = measure_statistics_reference(image)
        torch.testing.assert_close(found.mean[index], expected.mean)
        torch.testing.assert_close(found.covariance[index], expected.covariance)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_statistics_of_narrow_types_are_wide(dtype):
    features = (_features((4, 20, 20), 0) + 20.0).to(dtype)
    expected = measure_statistics_reference(features)
    # float32 sums of 400 products, each of the size of a variance; twice, for the centring
    rounding = 2 * 400 * torch.finfo(torch.float32).eps * float(expected.covariance.max())
    for found in (measure_statistics(features), measure_batch(features[None])):
        assert found.covariance.dtype == torch.float64
        torch.testing.assert_close(
            found.covariance.reshape(4, 4), expected.covariance, rtol=0, atol=rounding
        )


def test_statistics_stay_wide_under_autocast():
    features = _features((4, 30, 30), 0) + 50.0
    expected = measure_statistics(features).covariance
    with torch.autocast("cpu", torch.bfloat16):
        assert torch.equal(measure_statistics(features).covariance, expected)
        torch.testing.assert_close(measure_batch(features[None]).covariance[0], expected)


SPECTRA = {
    "distinct": [4.0, 2.0, 0.5, 0.1],
    "equal": [2.0, 2.0, 2.0, 0.3],
    "all equal": [1.0, 1.0, 1.0, 1.0],
    "below the floor": [3.0, 0.2, 1e-6, 2e-7],
    "near the floor": [3.0, 0.2, 1.5 * FLOOR, 0.5 * FLOOR],
    "rank 2": [3.0, 0.2, 0.0, 0.0],
    "zero": [0.0, 0.0, 0.0, 0.0],
}


def _with_spectrum(values, batch=2):
    generator = torch.Generator().manual_seed(1)
    shape = (batch, len(values), len(values))
    vectors = torch.linalg.qr(torch.randn(shape, generator=generator, dtype=torch.float64))[0]
    matrix = (vectors * torch.tensor(values, dtype=torch.float64)) @ vectors.mT
    return 0.5 * (matrix + matrix.mT)


def _power_by_svd(matrix, exponent):
    """Compute the authors' rule with NumPy: singular values under the floor are dropped."""
    u, s, _ = np.linalg.svd(matrix)
    kept = s >= FLOOR
    powers = np.where(kept, np.where(kept, s, 1.0) ** exponent, 0.0)
    return (u * powers) @ u.T


@pytest.mark.parametrize("values", SPECTRA.values(), ids=SPECTRA)
@pytest.mark.parametrize("exponent", [0.5, -0.5])
def test_powers_follow_the_published_rule_with_and_without_gradients(values, exponent):
    matrices = _with_spectrum(values)
    plain = matrix_power(matrices, exponent)
    tracked = matrix_power(matrices.clone().requires_grad_(), exponent)
    assert tracked.requires_grad
    torch.testing.assert_close(tracked.detach(), plain, rtol=1e-12, atol=1e-12)
    for found, matrix in zip(plain, matrices, strict=True):
        # eigenvalues are exact to 1e-15; an inverse root at the floor enlarges that by 1e7
        np.testing.assert_allclose(found, _power_by_svd(matrix.numpy(), exponent), atol=1e-7)
        torch.testing.assert_close(found, matrix_power(matrix, exponent), rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("values", SPECTRA.values(), ids=SPECTRA)
@pytest.mark.parametrize("exponent", [0.5, -0.5])
def test_gradients_of_powers_are_finite_differences(values, exponent):
    """Steps are so small that no eigenvalue passes the floor, where the rule jumps."""
    matrices = _with_spectrum(values).requires_grad_()

    def power(matrix):  # perturbations of single entries are made symmetric
        return matrix_power(0.5 * (matrix + matrix.mT), exponent)

    step = 1e-9
    smallest = min((each for each in values if each >= FLOOR), default=1.0)
    # rounding moves a power by about this much, and a difference divides that by the step
    rounding = np.finfo(float).eps * max(values) * smallest ** (exponent - 1.0)
    atol = max(1e-2, 4.0 * rounding / step)
    assert torch.autograd.gradcheck(power, (matrices,), eps=step, atol=atol, rtol=1e-4)


@pytest.mark.parametrize("gap", [0.0, 1e-16, 1e-12, 1e-8, 1e-6, 9e-6])
@pytest.mark.parametrize("exponent", [0.5, -0.5])
def test_gradients_of_powers_are_bounded_at_the_floor(gap, exponent):
    matrices = _with_spectrum([1.0, FLOOR + gap, FLOOR - gap, FLOOR - gap, 0.0]).requires_grad_()
    (found,) = torch.autograd.grad(matrix_power(matrices, exponent).sum(), matrices)
    # the largest quotient f(floor) / (floor / 2), for each of 25 entries
    bound = 25 * FLOOR**exponent / (0.5 * FLOOR)
    assert bool(found.isfinite().all())
    assert float(found.abs().max()) <= bound


def test_gradients_of_powers_of_zero_are_zero():
    matrices = torch.zeros(2, 4, 4, dtype=torch.float64, requires_grad=True)
    for exponent in (0.5, -0.5):
        (found,) = torch.autograd.grad(matrix_power(matrices, exponent).sum(), matrices)
        assert not bool(found.any())


def test_matrices_that_are_not_finite_have_no_power():
    matrix = torch.full((1, 6, 6), torch.nan, dtype=torch.float64)
    with pytest.raises(NumericalError, match="not finite"):
        matrix_power(matrix, 0.5)
    tracked = matrix.requires_grad_()
    result = matrix_power(tracked, 0.5)
    assert bool(result.isnan().all())
    result.sum().backward()
    with pytest.raises(ValueError, match=r"must be 0\.5 or -0\.5"):
        matrix_power(matrix, 2.0)
