import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy.interpolate import RegularGridInterpolator

from pcakd.errors import ConfigError, ShapeError
from pcakd.luts import Lut, apply_lut
from pcakd.luts.table import identity_lut


def random_lut(size, seed=0):
    values = torch.rand(size, size, size, 3, generator=torch.Generator().manual_seed(seed))
    return Lut(values=values)


@given(st.integers(2, 9), st.integers(0, 100))
def test_application_is_scipy_s_interpolation(size, seed):
    lut = random_lut(size, seed)
    image = torch.rand(3, 5, 7, generator=torch.Generator().manual_seed(seed))
    axis = np.linspace(0, 1, size)
    oracle = RegularGridInterpolator((axis, axis, axis), lut.values.double().numpy())
    expected = oracle(image.flatten(1).T.double().numpy()).T.reshape(3, 5, 7)
    np.testing.assert_allclose(apply_lut(lut, image), expected, rtol=0, atol=2e-6)


def test_the_identity_changes_nothing_in_bands():
    image = torch.rand(3, 300, 11, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(apply_lut(identity_lut(33), image), image, rtol=0, atol=1e-6)


def test_values_outside_are_clipped():
    image = torch.tensor([-1.0, 0.5, 2.0]).expand(3, 1, 3)
    result = apply_lut(identity_lut(5), image)
    torch.testing.assert_close(result, image.clamp(0.0, 1.0))
    assert apply_lut(identity_lut(5), image.half()).dtype == torch.float16


def test_other_shapes_are_refused():
    with pytest.raises(ShapeError, match="3, h, w"):
        apply_lut(identity_lut(5), torch.rand(1, 3, 4, 4))
    for shape in ((4, 4, 3, 3), (4, 4, 4, 4), (1, 1, 1, 3), (70, 70, 70, 3)):
        with pytest.raises(ConfigError, match="look-up table has"):
            Lut(values=torch.zeros(shape))
    with pytest.raises(ConfigError, match="not finite"):
        Lut(values=torch.full((2, 2, 2, 3), torch.nan))
