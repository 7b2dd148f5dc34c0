import plain_structure
import pytest
import torch
from photographs import load_photograph

from bench.quality.structure import measure_gmsd, measure_haarpsi, measure_ms_ssim
from pcakd.errors import ShapeError

pytestmark = pytest.mark.numerics
METRICS = {"ms_ssim": measure_ms_ssim, "gmsd": measure_gmsd, "haarpsi": measure_haarpsi}


@pytest.mark.parametrize("name", METRICS)
@pytest.mark.parametrize("pair", ["01", "04"])
def test_values_are_those_of_the_papers_formulas(name, pair):
    content = load_photograph(f"{pair}_content", 192, 256)
    style = load_photograph(f"{pair}_style", 192, 256)
    output = 0.7 * content + 0.3 * style  # edges of both
    expected = getattr(plain_structure, name)(*(x[0].double().numpy() for x in (output, content)))
    assert METRICS[name](output, content) == pytest.approx(expected, abs=1e-5)


@pytest.mark.parametrize(("name", "best"), [("ms_ssim", 1.0), ("gmsd", 0.0), ("haarpsi", 1.0)])
def test_equal_images_have_the_best_value(name, best):
    image = torch.rand(1, 3, 162, 170, generator=torch.Generator().manual_seed(0))
    assert METRICS[name](image, image) == pytest.approx(best, abs=1e-5)


def test_rounding_beyond_the_range_and_half_precision_are_accepted():
    image = torch.rand(1, 3, 20, 20, generator=torch.Generator().manual_seed(0))
    beyond = torch.where(image > 0.9, 1 + 1e-6, image)
    assert measure_gmsd(beyond, image) < 0.05
    assert measure_haarpsi(image.half(), image.half()) == pytest.approx(1.0, abs=1e-3)


@pytest.mark.parametrize(("name", "side"), [("ms_ssim", 160), ("gmsd", 5), ("haarpsi", 15)])
def test_too_small_an_image_is_named(name, side):
    small = torch.zeros(1, 3, side, 200)
    with pytest.raises(ShapeError, match=rf"at least {side + 1}x{side + 1} px, .* 200x{side}"):
        METRICS[name](small, small)
    larger = torch.zeros(1, 3, side + 1, 200)
    METRICS[name](larger, larger)


def test_two_sizes_are_refused():
    with pytest.raises(ShapeError, match="the size of its content"):
        measure_gmsd(torch.zeros(1, 3, 20, 20), torch.zeros(1, 3, 20, 22))
