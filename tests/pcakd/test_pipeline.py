from functools import partial

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.ndimage import uniform_filter

from pcakd.blocks import BlockDesign
from pcakd.blocks.layers import high_frequencies
from pcakd.errors import ConfigError, ShapeError
from pcakd.filters import guided_filter, plain_guided_filter
from pcakd.linalg import measure_statistics_reference
from pcakd.pipeline import pad_to_multiple, stylize
from pcakd.students import StudentSpec, create_student
from pcakd.transforms import TRANSFORMS

SPECS = [
    StudentSpec(architecture="tiny", ranks=(4, 6, 8, 10)),
    StudentSpec(architecture="mobilenet_v1", ranks=(4, 6, 8, 10)),
    StudentSpec(
        architecture="designed",
        ranks=(4, 6, 8, 10),
        designs=(BlockDesign(kind="inverted", stride=2, expansion=2.0, linear=True),) * 4,
    ),
]


def _student(spec):
    return create_student(spec).eval().requires_grad_(False)


def _image(height, width, seed=0):
    return torch.rand(3, height, width, generator=torch.Generator().manual_seed(seed))


@given(st.integers(16, 50), st.integers(16, 50), st.sampled_from(SPECS))
@settings(max_examples=15, deadline=None)
def test_any_size_gives_exactly_that_size(height, width, spec):
    result = stylize(_student(spec), _image(height, width), _image(17, 31, 1))
    assert result.shape == (3, height, width)
    assert float(result.min()) >= 0.0
    assert float(result.max()) <= 1.0


@pytest.mark.parametrize("spec", SPECS)
def test_strength_zero_is_the_reconstruction(spec):
    student, content = _student(spec).double(), _image(32, 48).double()
    with torch.inference_mode():
        expected = student(content[None])[0].clamp(0.0, 1.0)
    result = stylize(student, content, _image(32, 32, 1).double(), strength=0.0)
    torch.testing.assert_close(result, expected)


@pytest.mark.parametrize("transform", TRANSFORMS)
def test_the_pipeline_follows_its_description(transform):
    """A plain version in float64, feature map by feature map, is the oracle."""
    student = _student(SPECS[0]).double()
    content, style = _image(24, 32).double(), _image(40, 16, 1).double()
    with torch.inference_mode():
        sources = [content[None], *student.encode(content[None])]
        targets = student.encode(style[None])
        features = sources[4]
        for tap in (4, 3, 2, 1):
            features = _plain_transform(transform, features[0], targets[tap - 1][0])[None]
            features = student.decode_block(tap, features, sources[tap - 1])
        expected = features[0].clamp(0.0, 1.0)
    result = stylize(student, content, style, transform=transform)
    torch.testing.assert_close(result, expected)


def _plain_transform(name, content, style):
    source, target = (measure_statistics_reference(x) for x in (content, style))
    eye = torch.eye(len(content), dtype=torch.float64)

    def power(matrix, exponent):
        u, s, _ = torch.linalg.svd(matrix)
        return u @ torch.diag(s**exponent) @ u.T

    c, s = source.covariance + eye, target.covariance + eye
    if name == "zca":
        matrix = power(s, 0.5) @ power(c, -0.5)
    elif name == "ot":
        middle = power(power(c, 0.5) @ target.covariance @ power(c, 0.5) + eye, 0.5)
        matrix = power(c, -0.5) @ middle @ power(c, -0.5)
    else:
        ratio = (target.covariance.diag() + 1e-8) / (source.covariance.diag() + 1e-8)
        matrix = torch.diag(ratio.sqrt())
    pixels = matrix @ (content.flatten(1) - source.mean[:, None]) + target.mean[:, None]
    return pixels.reshape(content.shape)


@pytest.mark.parametrize(("height", "width"), [(15, 40), (40, 1)])
def test_too_small_images_are_refused(height, width):
    student = _student(SPECS[0])
    with pytest.raises(ShapeError, match="at least 16 × 16"):
        stylize(student, _image(height, width), _image(20, 20))
    with pytest.raises(ShapeError, match="the style image"):
        stylize(student, _image(20, 20), _image(height, width))


def test_other_shapes_and_strengths_are_refused():
    student = _student(SPECS[0])
    with pytest.raises(ShapeError, match="3 × h × w"):
        stylize(student, torch.rand(1, 20, 20), _image(20, 20))
    with pytest.raises(ConfigError, match="strength"):
        stylize(student, _image(20, 20), _image(20, 20), strength=1.5)


def test_padding_reflects_right_and_bottom():
    image = torch.arange(12.0).reshape(1, 1, 3, 4)
    padded = pad_to_multiple(image, 5)
    assert padded.shape == (1, 1, 5, 5)
    assert torch.equal(padded[..., :3, :4], image)
    assert torch.equal(padded[0, 0, 3], torch.cat((image[0, 0, 1], image[0, 0, 1, 2:3])))


def test_high_frequencies_of_a_flat_image_are_zero():
    assert float(high_frequencies(torch.full((1, 3, 8, 8), 0.3)).abs().max()) < 1e-6


def filtered_by_scipy(image, guide, *, radius, epsilon):
    """He et al.: a local linear model of the guide's colours, by box means."""
    box = partial(uniform_filter, size=2 * radius + 1, mode="reflect")
    colours, values = guide.numpy(), image.numpy()
    means = np.stack([box(plane) for plane in colours]), np.stack([box(plane) for plane in values])
    square = np.stack([[box(a * b) for b in colours] for a in colours])
    covariance = square - means[0][:, None] * means[0][None]
    covariance += epsilon * np.eye(3)[:, :, None, None]
    cross = np.stack([[box(a * b) for b in values] for a in colours])
    cross = cross - means[0][:, None] * means[1][None]
    slopes = np.linalg.solve(covariance.transpose(2, 3, 0, 1), cross.transpose(2, 3, 0, 1))
    slopes = slopes.transpose(2, 3, 0, 1)
    offsets = means[1] - (slopes * means[0][:, None]).sum(axis=0)
    smooth = np.stack([[box(plane) for plane in row] for row in slopes])
    expected = (smooth * colours[:, None]).sum(axis=0) + np.stack([box(each) for each in offsets])
    return expected.clip(0.0, 1.0)


@pytest.mark.parametrize(("height", "width"), [(96, 120), (20, 47)])  # windows cover the latter
@pytest.mark.parametrize("radius", [30, 3])
def test_the_guided_filter_is_the_published_one(height, width, radius):
    coarse = torch.rand(1, 3, 8, 10, generator=torch.Generator().manual_seed(0))
    guide = F.interpolate(coarse, size=(height, width), mode="bicubic")[0].clamp(0.0, 1.0)
    noise = torch.rand(guide.shape, generator=torch.Generator().manual_seed(1))
    image = (guide.flip(0) * 0.8 + 0.05 * noise).clamp(0.0, 1.0)
    options = {"radius": radius, "epsilon": 4e-4}
    plain = plain_guided_filter(image.double(), guide.double(), **options)
    expected = filtered_by_scipy(image.double(), guide.double(), **options)
    np.testing.assert_allclose(plain, expected, atol=1e-9)
    np.testing.assert_allclose(guided_filter(image, guide, **options), plain, atol=2e-4)


def test_the_guided_filter_wants_equal_sizes():
    with pytest.raises(ShapeError, match="guide"):
        guided_filter(_image(8, 8), _image(8, 9))
    with pytest.raises(ShapeError, match="guide"):
        plain_guided_filter(_image(8, 8), _image(8, 9))
