"""The colour transfer that ends a stylization."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from scipy.linalg import sqrtm

from pcakd.errors import ConfigError
from pcakd.linalg import Statistics, measure_statistics
from pcakd.pipeline import stylize
from pcakd.students import StudentSpec, create_student, load_student, save_student
from pcakd.styles import extract_style
from pcakd.transforms import AffineMap, apply_affine, apply_to_colours, fit_colour_transfer

SPEC = StudentSpec(architecture="tiny", ranks=(4, 6, 8, 10))


_LAMBDA = 64.0 / 255**2  # in [0, 1]


def _image(height, width, seed=0, scale=0.3):
    noise = torch.rand(3, height, width, generator=torch.Generator().manual_seed(seed))
    return 0.35 + scale * noise * torch.tensor([1.0, 0.6, 0.8])[:, None, None]


def _moments(image):
    return measure_statistics(image.double())


def test_the_map_is_monge_and_kantorovichs():
    image, style = _moments(_image(40, 50, 1)), _moments(_image(30, 20, 2) ** 2)
    one, other = (each.covariance.numpy() + _LAMBDA * np.eye(3) for each in (image, style))
    root, inverse = sqrtm(one), np.linalg.inv(sqrtm(one))
    middle = sqrtm(root @ other @ root)
    expected = inverse @ middle @ inverse
    affine = fit_colour_transfer(image, style)
    np.testing.assert_allclose(affine.matrix.numpy(), expected, atol=1e-9)
    moved = affine.matrix @ image.mean + affine.offset
    torch.testing.assert_close(moved, style.mean)


@pytest.mark.parametrize("scale", [0.01, 0.3])
def test_an_image_that_has_the_styles_moments_stays_as_it_is(scale):
    moments = _moments(_image(40, 50, scale=scale))
    affine = fit_colour_transfer(moments, moments)
    torch.testing.assert_close(affine.matrix, torch.eye(3).double())
    torch.testing.assert_close(affine.offset, torch.zeros(3).double(), atol=1e-9, rtol=0)


def test_a_flat_image_is_not_amplified_without_bound():
    style = _moments(_image(30, 20, 2, scale=0.5))
    flat = Statistics(mean=style.mean, covariance=1e-7 * torch.eye(3).double())
    largest = torch.linalg.matrix_norm(fit_colour_transfer(flat, style).matrix, 2)
    assert largest < 6.0
    free = fit_colour_transfer(flat, style, regularizer=0.0)
    assert torch.linalg.matrix_norm(free.matrix, 2) > 100.0


@pytest.mark.parametrize("dtype", [torch.float32, torch.float16, torch.bfloat16])
@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
def test_in_place_is_the_same_as_a_convolution(dtype, layout):
    affine = AffineMap(matrix=torch.randn(3, 3).double(), offset=torch.randn(3).double())
    image = _image(19, 23)[None].to(dtype).contiguous(memory_format=layout)
    expected = apply_affine(image.float(), affine)
    apply_to_colours(image[0], affine)
    tolerance = {torch.float32: 1e-5, torch.float16: 4e-3, torch.bfloat16: 3e-2}[dtype]
    torch.testing.assert_close(image.float(), expected, atol=tolerance, rtol=tolerance)


@pytest.mark.parametrize("size", [(1, 1), (3, 7), (127, 129), (129, 131)])
def test_small_images_and_cropped_ones_in_place(size):
    affine = AffineMap(matrix=torch.randn(3, 3).double(), offset=torch.randn(3).double())
    whole = _image(size[0], size[1] + 2)[None].contiguous(memory_format=torch.channels_last)
    for image in (whole[..., : size[1]], whole):
        expected = apply_affine(image, affine)
        apply_to_colours(image[0], affine)
        torch.testing.assert_close(image, expected, atol=1e-5, rtol=1e-5)


@pytest.fixture(scope="module")
def student():
    return create_student(SPEC, colour_transfer=1.0).eval().requires_grad_(False)


def test_the_result_has_the_moments_of_the_styles_colours():
    content, style = (
        F.interpolate(_image(12, 16, seed, scale=0.6)[None], size=(96, 128), mode="bicubic")[0]
        for seed in (5, 6)
    )
    content, style = content.clamp(0.0, 1.0), style.flip(0).clamp(0.0, 1.0) ** 2
    shipped = load_student("mobilenet_v1")
    shipped.colour_transfer = 0.0
    before = _moments(stylize(shipped, content, style))
    shipped.colour_transfer = 1.0
    result, wanted = _moments(stylize(shipped, content, style)), _moments(style)
    torch.testing.assert_close(result.mean, wanted.mean, atol=3e-3, rtol=0)
    far = torch.dist(before.covariance, wanted.covariance)
    assert torch.dist(result.covariance, wanted.covariance) < 0.5 * far


def test_the_strength_of_the_stylization_scales_it(student):
    content, style = _image(32, 48, 3), _image(48, 64, 4)
    plain = create_student(SPEC).eval().requires_grad_(False)
    assert torch.equal(
        stylize(student, content, style, strength=0.0), stylize(plain, content, style, strength=0.0)
    )
    assert not torch.equal(
        stylize(student, content, style, strength=0.5), stylize(plain, content, style, strength=0.5)
    )


def test_both_ways_to_run_agree(student):
    content, style = _image(37, 51, 3), _image(48, 64, 4)
    fast = stylize(student, content, style)
    exact = stylize(student, content.requires_grad_(), style)
    assert exact.requires_grad
    torch.testing.assert_close(fast, exact.detach(), atol=1e-5, rtol=0)


def test_batches_and_lists_of_styles_give_single_results(student):
    contents = torch.stack([_image(32, 48, seed) for seed in (3, 7)])
    looks = [extract_style(student, _image(48, 64, seed)) for seed in (4, 8)]
    both = stylize(student, contents, looks)
    for result, content, look in zip(both, contents, looks, strict=True):
        assert torch.equal(result, stylize(student, content, look))
    shared = stylize(student, contents, looks[0])
    assert torch.equal(shared[1], stylize(student, contents[1], looks[0]))


def test_autocast_does_not_narrow_the_colours():
    affine = AffineMap(matrix=1.3 * torch.eye(3).double(), offset=torch.full((3,), -0.1).double())
    image = _image(19, 23)
    expected = apply_affine(image[None], affine)[0]
    with torch.autocast("cpu", dtype=torch.bfloat16):
        apply_to_colours(image, affine)
    torch.testing.assert_close(image, expected, atol=1e-6, rtol=0)


def test_an_integer_strength_makes_the_same_student(tmp_path):
    student = create_student(SPEC, colour_transfer=1).eval().requires_grad_(False)
    save_student(tmp_path / "s.safetensors", student)
    look = extract_style(student, _image(48, 64, 4))
    load_student(tmp_path / "s.safetensors")(_image(32, 48, 3), look)  # the style is its own


@pytest.mark.parametrize("value", [-0.1, 1.1, float("nan")])
def test_its_strength_lies_between_0_and_1(value):
    with pytest.raises(ConfigError, match="colour transfer must lie in"):
        create_student(SPEC, colour_transfer=value)
