"""The Monge-Kantorovich map."""

import torch
from colour_images import correlated_image
from hypothesis import given, settings
from hypothesis import strategies as st
from plain_statistics import measure_statistics_reference

from bench.baselines import transfer_mkl


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 2**16))
def test_mkl_reaches_the_mean_and_covariance_of_the_style(seed: int) -> None:
    content, style = correlated_image(seed).double(), correlated_image(seed + 1, 13, 31).double()
    found = measure_statistics_reference(transfer_mkl(content, style))
    expected = measure_statistics_reference(style)
    torch.testing.assert_close(found.mean, expected.mean)
    torch.testing.assert_close(found.covariance, expected.covariance)


def test_mkl_is_the_closed_formula() -> None:
    from scipy.linalg import inv, sqrtm

    content, style = correlated_image(3).double(), correlated_image(4).double()
    c, s = (measure_statistics_reference(image) for image in (content, style))
    root = sqrtm(c.covariance.numpy())
    matrix = inv(root) @ sqrtm(root @ s.covariance.numpy() @ root) @ inv(root)
    centred = content.flatten(1) - c.mean[:, None]
    expected = (torch.from_numpy(matrix).real @ centred + s.mean[:, None]).view_as(content)
    torch.testing.assert_close(transfer_mkl(content, style), expected)
