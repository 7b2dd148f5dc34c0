import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from plain_statistics import measure_statistics_reference

from pcakd.blocks import BlockDesign, ConvLayer
from pcakd.blocks.residuals import high_frequencies
from pcakd.coarse_to_fine import NUM_STEPS, pad_to_multiple
from pcakd.errors import ConfigError, NumericalError, ShapeError, UnknownNameError
from pcakd.pipeline import stylize
from pcakd.students import StudentSpec, create_student
from pcakd.styles import extract_style
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
        expected = student.reconstruct(content[None])[0].clamp(0.0, 1.0)
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


def _tracked(spec=SPECS[0], dtype=torch.float64):
    """Return a student whose weights require gradients."""
    return create_student(spec, seed=3).to(dtype).eval()


def _batch(count, height, width, seed=0, dtype=torch.float32):
    return torch.stack([_image(height, width, seed + each) for each in range(count)]).to(dtype)


@pytest.mark.parametrize("transform", TRANSFORMS)
def test_a_batch_gives_what_single_calls_give(transform):
    student, contents = _student(SPECS[1]).double(), _batch(3, 20, 33, dtype=torch.float64)
    styles = _batch(3, 40, 17, seed=5, dtype=torch.float64)
    looks = [extract_style(student, style) for style in styles]
    for together, each in (
        (stylize(student, contents, styles, transform=transform), styles),
        (stylize(student, contents, looks, transform=transform), styles),
        (
            stylize(student, contents, styles[0], transform=transform),
            [styles[0]] * 3,
        ),
        (
            stylize(student, contents, looks[0], transform=transform),
            [styles[0]] * 3,
        ),
    ):
        assert together.shape == contents.shape
        for content, style, found in zip(contents, each, together, strict=True):
            expected = stylize(student, content, style, transform=transform)
            torch.testing.assert_close(found, expected)


def test_a_batch_of_one_stays_a_batch():
    student = _student(SPECS[0])
    assert stylize(student, _batch(1, 20, 20), _image(20, 20)).shape == (1, 3, 20, 20)
    assert stylize(student, _image(20, 20), _batch(1, 20, 20)).shape == (3, 20, 20)


def test_the_number_of_styles_is_one_or_that_of_the_contents():
    student = _student(SPECS[0])
    with pytest.raises(ShapeError, match="2 styles for 3 contents"):
        stylize(student, _batch(3, 20, 20), _batch(2, 20, 20))
    with pytest.raises(ShapeError, match="2 styles for 1 contents"):
        stylize(student, _image(20, 20), _batch(2, 20, 20))


@pytest.mark.parametrize("tracked", [False, True])
def test_results_are_ordinary_tensors(tracked):
    student = _student(SPECS[0]).requires_grad_(tracked)
    result = stylize(student, _image(20, 20), _image(20, 20, 1))
    assert not result.is_inference()
    assert result.requires_grad is tracked
    factor = torch.ones((), requires_grad=True)
    (result * factor).sum().backward()
    assert factor.grad is not None
    with torch.no_grad():
        assert not stylize(student, _image(20, 20), _image(20, 20, 1)).requires_grad


def test_inputs_made_in_inference_mode_can_be_used_with_gradients():
    with torch.inference_mode():
        content = _image(20, 20)
    student = _tracked(dtype=torch.float32)
    stylize(student, content, content).sum().backward()
    assert student.encoder.layers(1)[0].conv.weight.grad is not None


@pytest.mark.parametrize("transform", TRANSFORMS)
@pytest.mark.parametrize("spec", SPECS)
def test_calls_with_and_without_gradients_agree(spec, transform):
    student = create_student(spec).double().eval()
    contents, styles = _batch(2, 21, 40).double(), _batch(2, 17, 30, seed=7).double()
    for style in (styles, styles[0], extract_style(student, styles[0])):
        tracked = stylize(student, contents, style, transform=transform, strength=0.7)
        with torch.no_grad():
            fast = stylize(student, contents, style, transform=transform, strength=0.7)
        assert tracked.requires_grad
        torch.testing.assert_close(tracked.detach(), fast)


@pytest.mark.parametrize("transform", TRANSFORMS)
@pytest.mark.parametrize("flat", [False, True], ids=["image", "flat image"])
def test_gradients_of_images_are_finite_differences(transform, flat):
    """A flat image has covariances of zero: all eigenvalues are λ, and equal."""
    student = _student(SPECS[0]).double()
    content = _image(16, 16).double() * (0.0 if flat else 0.5) + 0.3
    style = _image(16, 16, 1).double() * 0.5 + 0.2

    def call(content, style):
        return stylize(student, content, style, transform=transform, strength=0.5)

    inputs = (content.requires_grad_(), style.requires_grad_())
    assert torch.autograd.gradcheck(call, inputs, fast_mode=True, atol=1e-5)


def test_gradients_of_weights_are_finite_differences():
    student = _student(SPECS[0]).double()
    layer = student.decoder.layers(2)[0].conv
    content, style = _image(16, 16).double(), _image(16, 16, 1).double()

    def call(weight):
        weights = {"decoder.blocks.1.0.conv.weight": weight}
        return torch.func.functional_call(student, weights, (content, style))

    weight = layer.weight.detach().clone().requires_grad_()
    assert torch.autograd.gradcheck(call, (weight,), fast_mode=True, atol=1e-5)


def test_a_student_learns_in_a_training_loop():
    student = _tracked(dtype=torch.float32)
    contents, style = _batch(2, 24, 24), _image(24, 24, 9)
    goal = 0.5 * contents + 0.25
    optimizer = torch.optim.Adam(student.parameters(), lr=1e-3)
    losses = []
    for _ in range(5):
        loss = (student(contents, style) - goal).square().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(float(loss.detach()))
    assert losses[-1] < losses[0]
    assert all(bool(p.grad.isfinite().all()) for p in student.parameters())


def test_an_image_can_be_optimized():
    student = _student(SPECS[0])
    content, style = _image(20, 20), _image(20, 20, 1).requires_grad_()
    before = stylize(student, content, style)
    before.mean().backward()
    assert float(style.grad.abs().max()) > 0.0
    assert all(parameter.grad is None for parameter in student.parameters())


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_follows_single_precision(dtype):
    student = _student(SPECS[0])
    content, style = _image(40, 48), _image(32, 32, 1)
    expected = stylize(student, content, style)
    narrow = _student(SPECS[0]).to(dtype)
    found = stylize(narrow, content.to(dtype), style.to(dtype))
    assert found.dtype == dtype
    # eight blocks of convolutions, each rounded to 8 or 11 bits
    assert float((found.float() - expected).abs().mean()) < 8 * torch.finfo(dtype).eps
    tracked = stylize(narrow, content.to(dtype).requires_grad_(), style.to(dtype))
    assert float((tracked.detach().float() - expected).abs().mean()) < 8 * torch.finfo(dtype).eps


@pytest.mark.parametrize("tracked", [False, True])
def test_autocast_narrows_convolutions_alone(tracked):
    student = _student(SPECS[0]).requires_grad_(tracked)
    content, style = _image(40, 48), _image(32, 32, 1)
    expected = stylize(student, content, style).detach()
    with torch.autocast("cpu", torch.bfloat16):
        found = stylize(student, content, style).detach()
        stylize(student, content.bfloat16(), style)
    assert float((found.float() - expected).abs().mean()) < 8 * torch.finfo(torch.bfloat16).eps


def test_each_step_of_each_content_is_reported():
    student, steps = _student(SPECS[0]), []
    stylize(student, _batch(2, 20, 20), _image(20, 20), on_step=lambda: steps.append(1))
    assert len(steps) == 2 * NUM_STEPS
    steps.clear()
    student.requires_grad_(True)
    stylize(student, _image(20, 20), _image(20, 20), on_step=lambda: steps.append(1))
    assert len(steps) == NUM_STEPS


@pytest.mark.parametrize("strength", [1.5, -0.1, float("nan"), "1", None])
def test_strengths_are_checked(strength):
    with pytest.raises(ConfigError, match=r"strength must be a number in \[0, 1\]"):
        stylize(_student(SPECS[0]), _image(20, 20), _image(20, 20), strength=strength)


def test_an_unknown_transform_is_refused_before_any_work():
    with pytest.raises(UnknownNameError, match="did you mean 'zca'"):
        stylize(_student(SPECS[0]), None, None, transform="zac")


def test_features_that_overflow_are_one_line():
    student = _student(SPECS[0])
    student.encoder.layers(1)[0].conv.weight.fill_(torch.inf)
    with pytest.raises(NumericalError, match="not finite"):
        stylize(student, _image(20, 20), _image(20, 20, 1))


def test_padding_reflects_right_and_bottom():
    image = torch.arange(12.0).reshape(1, 1, 3, 4)
    padded = pad_to_multiple(image, 5)
    assert padded.shape == (1, 1, 5, 5)
    assert torch.equal(padded[..., :3, :4], image)
    assert torch.equal(padded[0, 0, 3], torch.cat((image[0, 0, 1], image[0, 0, 1, 2:3])))


def test_high_frequencies_of_a_flat_image_are_zero():
    assert float(high_frequencies(torch.full((1, 3, 8, 8), 0.3)).abs().max()) < 1e-6


def test_a_network_whose_norms_are_not_folded_is_refused():
    student = _student(SPECS[0])
    layer = next(module for module in student.modules() if isinstance(module, ConvLayer))
    layer.norm = torch.nn.BatchNorm2d(layer.conv.out_channels).eval()
    image = torch.rand(3, 16, 16)
    with torch.no_grad():
        with pytest.raises(ConfigError, match=r"not folded; call fold\(\)"):
            stylize(student, image, image)
        layer.fold()
        assert stylize(student, image, image).shape == image.shape
