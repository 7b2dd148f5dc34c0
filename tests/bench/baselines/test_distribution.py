"""Transfers of whole distributions: histogram matching and iterative distribution transfer."""

import pytest
import torch
from skimage.exposure import match_histograms

from bench.baselines.histogram import transfer_histogram
from bench.baselines.idt import match_distribution, transfer_idt, transfer_idt_regrain
from bench.baselines.regrain import _weights, regrain
from bench.profiling.macs import count_macs, trace_macs
from bench.profiling.uncounted import mark_uncounted
from bench.subjects import Prepared, parse_subject

TRANSFERS = [transfer_histogram, transfer_idt, transfer_idt_regrain]


def random_image(seed, height=60, width=64):
    """Colours on a bent and spread-out line, with smooth parts and edges, inside the gamut."""
    generator = torch.Generator().manual_seed(seed)
    coarse = torch.rand(1, 3, 6, 6, generator=generator)
    smooth = torch.nn.functional.interpolate(coarse, size=(height, width), mode="bicubic")[0]
    bend = torch.rand(3, 1, 1, generator=generator)
    return (0.15 + 0.7 * (smooth.clamp(0, 1) ** (0.5 + bend))).clamp(0.02, 0.98)


def sliced_distance(first, second, directions=50):
    """Return the mean 1-D transport distance of two colour distributions over random axes."""
    generator = torch.Generator().manual_seed(99)
    axes = torch.nn.functional.normalize(torch.randn(directions, 3, generator=generator), dim=1)
    levels = torch.linspace(0.005, 0.995, 100)
    quantiles = [torch.quantile(axes @ each.flatten(1), levels, dim=1) for each in (first, second)]
    return float((quantiles[0] - quantiles[1]).abs().mean())


def gradient_distance(first, second):
    """Return the mean difference of the gradients of two images."""
    across, down = ((first.diff(dim=d) - second.diff(dim=d)).abs().mean() for d in (1, 2))
    return float(across + down)


@pytest.mark.parametrize("seed", [0, 10, 20, 30])
def test_idt_reaches_the_styles_distribution_along_every_axis(seed):
    content, style = random_image(seed), random_image(seed + 1, 70, 50)
    before = sliced_distance(content, style)
    after = sliced_distance(transfer_idt(content, style), style)
    assert before > 0.02
    assert after < 0.1 * before
    assert after < sliced_distance(transfer_histogram(content, style), style)


def test_more_rotations_come_closer():
    content, style = random_image(2), random_image(3)
    distances = [
        sliced_distance(match_distribution(content, style, iterations=count), style)
        for count in (1, 4, 20)
    ]
    assert distances == sorted(distances, reverse=True)


@pytest.mark.parametrize("seed", [0, 10, 20])
def test_regraining_brings_gradients_closer_to_the_contents(seed):
    content, style = random_image(seed), random_image(seed + 1)
    plain, regrained = transfer_idt(content, style), transfer_idt_regrain(content, style)
    assert gradient_distance(regrained, content) < 0.8 * gradient_distance(plain, content)
    assert sliced_distance(regrained, style) < 0.5 * sliced_distance(content, style)


def test_the_weights_of_regraining_on_a_ramp():
    ramp = 0.01 * torch.arange(6.0).expand(
        1, 3, 4, 6
    )  # a step of √3 / 100 a pixel over three colours
    across, down, keep = _weights(ramp, 1)
    inner, border = 0.02 * 3**0.5, 0.01 * 3**0.5
    expected = {slope: 15 / (1 + 10 * slope) for slope in (inner, border)}
    torch.testing.assert_close(down[0, 0, 0, 2], torch.tensor(expected[inner]))
    torch.testing.assert_close(down[0, 0, 0, 0], torch.tensor(expected[border]))
    torch.testing.assert_close(across[0, 0, 0, 2], torch.tensor(expected[inner]))
    torch.testing.assert_close(across[0, 0, 0, 0], torch.tensor(sum(expected.values()) / 2))
    torch.testing.assert_close(
        keep[0, 0, 0],
        torch.tensor([256 * border / 5] + [1.0] * 4 + [256 * border / 5]).clamp(max=1.0),
    )


def test_regraining_takes_grain_from_an_image():
    content = torch.linspace(0.3, 0.5, 90).expand(3, 100, 90)  # half a level a pixel
    shift = torch.tensor([0.05, -0.05, 0.02]).view(3, 1, 1)
    noise = 0.03 * torch.randn(3, 100, 90, generator=torch.Generator().manual_seed(5))
    goal = content + shift
    found = regrain(content, goal + noise)
    assert float((found - goal).abs().mean()) < 0.2 * float(noise.abs().mean())


@pytest.mark.parametrize(("height", "width"), [(1, 7), (2, 2), (16, 16), (41, 97)])
def test_regraining_leaves_what_did_not_change(height, width):
    content = random_image(6, height, width)
    torch.testing.assert_close(regrain(content, content), content, atol=1e-6, rtol=0)


def test_regraining_keeps_a_constant_change_of_a_constant_image():
    content = torch.full((3, 50, 60), 0.25)
    torch.testing.assert_close(regrain(content, content + 0.5), content + 0.5, atol=1e-4, rtol=0)


def test_histogram_matching_is_scikit_images():
    content, style = random_image(7), random_image(8, 33, 80)
    expected = match_histograms(content.numpy(), style.numpy(), channel_axis=0)
    torch.testing.assert_close(transfer_histogram(content, style), torch.from_numpy(expected))


@pytest.mark.parametrize("transfer", TRANSFERS)
def test_a_transfer_to_itself_changes_next_to_nothing(transfer):
    image = random_image(9)
    torch.testing.assert_close(transfer(image, image), image, atol=1e-4, rtol=0)


@pytest.mark.parametrize("transfer", TRANSFERS)
def test_a_constant_content_takes_the_styles_mean(transfer):
    style = random_image(10)
    output = transfer(torch.full((3, 40, 50), 0.3), style)
    expected = style.mean((1, 2), keepdim=True).expand_as(output)
    torch.testing.assert_close(output, expected, atol=1e-4, rtol=0)


@pytest.mark.parametrize("transfer", TRANSFERS)
def test_a_constant_style_leaves_one_colour(transfer):
    style = torch.tensor([0.2, 0.5, 0.9]).view(3, 1, 1).expand(3, 30, 20)
    output = transfer(random_image(11), style)
    # regraining gives some of the content's contrast back, the mean colour stays
    torch.testing.assert_close(output.mean((1, 2)), style[:, 0, 0], atol=0.03, rtol=0)
    if transfer is not transfer_idt_regrain:
        assert float(output.std((1, 2)).max()) < 0.01


@pytest.mark.parametrize("transfer", TRANSFERS)
def test_a_transfer_is_deterministic_clips_and_leaves_its_inputs_alone(transfer):
    content = 3 * torch.rand(3, 16, 16, generator=torch.Generator().manual_seed(12)) - 1
    style = 2 * torch.rand(3, 17, 40, generator=torch.Generator().manual_seed(13)) - 0.5
    copies = content.clone(), style.clone()
    output = transfer(content, style)
    assert output.shape == content.shape
    assert 0.0 == float(output.min()) < float(output.max()) == 1.0
    assert torch.equal(output, transfer(content, style))
    assert torch.equal(content, copies[0])
    assert torch.equal(style, copies[1])


def test_a_named_call_is_what_a_trace_shows():
    double = mark_uncounted("double", lambda first, second: torch.from_numpy(first.numpy() * 2))
    subject = Prepared(modules=(), run=lambda content, style: double(content, style) + content)
    trace = trace_macs(subject, (4, 5), (4, 5))
    assert trace.uncounted == {"double": 1}
    assert trace.macs == {"add": 60}
    assert torch.equal(double(torch.ones(2), torch.ones(2)), torch.full((2,), 2.0))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "named"),
    [("histogram", "match_histograms"), ("idt", "bincount"), ("idt-regrain", "regrain")],
)
def test_what_is_not_counted_is_named(name, named):
    (count,) = count_macs(parse_subject(name).prepare("cpu"), [(34, 50)])
    assert named in count.uncounted
    assert count.macs_content == 0
    assert (count.macs_total > 34 * 50 * 500) == (name != "histogram")


def test_idt_is_counted_at_any_size():
    subject = Prepared(modules=(), run=lambda c, s: match_distribution(c, s, iterations=1))
    (count,) = count_macs(subject, [(720, 1280)])
    # each of the three axes: 3 for a product, 2 for places and 1 for the mean of both images, and 3
    # for moves and 3 for channels of the content; what is not in proportion to the pixels is little
    assert 0 < count.macs_total - 720 * 1280 * 54 < 20_000
