"""Regraining: its weights, grain, and what it keeps."""

import pytest
import torch
from colour_images import spread_image

from bench.baselines.regrain import _weights, regrain


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
    content = spread_image(6, height, width).double()
    torch.testing.assert_close(regrain(content, content), content)


def test_regraining_keeps_a_constant_change_of_a_constant_image():
    content = torch.full((3, 50, 60), 0.25, dtype=torch.float64)
    torch.testing.assert_close(regrain(content, content + 0.5), content + 0.5)
