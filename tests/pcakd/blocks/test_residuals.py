"""High frequencies of a tile against those of the map."""

import pytest
import torch
import torch.nn.functional as F

from pcakd.blocks import AddResidual, ConcatResidual, Span, Tile
from pcakd.blocks.residuals import box_mean, high_frequencies, high_frequencies_at


def _random(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16])
def test_box_means_are_those_of_average_pooling(dtype):
    padded = _random(2, 3, 9, 11).to(dtype)
    torch.testing.assert_close(box_mean(padded), F.avg_pool2d(padded, 3, 1))


def test_high_frequencies_of_a_tile_are_those_of_the_map():
    image = _random(1, 2, 9, 8)
    tile = Tile(Span(0, 4, 9), Span(3, 8, 8))
    expected = high_frequencies(image)[..., :4, 3:]
    torch.testing.assert_close(high_frequencies_at(tile, image), expected)


@pytest.mark.parametrize("stage", [AddResidual(), ConcatResidual()])
def test_a_stage_without_its_source_says_so(stage):
    with pytest.raises(ValueError, match=f"{type(stage).__name__} needs the map"):
        stage.run(_random(1, 2, 4, 4))


def test_adding_a_residual_keeps_gradients_and_inputs():
    features, source = _random(1, 2, 4, 4).requires_grad_(), _random(1, 2, 4, 4, seed=1)
    before = features.detach().clone()
    result = AddResidual().run(features, source)
    result.sum().backward()
    assert torch.equal(features.grad, torch.ones_like(features))
    with torch.no_grad():
        torch.testing.assert_close(AddResidual().run(features, source), result.detach())
    assert torch.equal(features.detach(), before)


def test_residuals_are_what_a_mean_of_nine_leaves():
    image = torch.rand(1, 2, 6, 5)
    padded = torch.nn.functional.pad(image, (1, 1, 1, 1), mode="replicate")
    mean = sum(padded[:, :, i : i + 6, j : j + 5] for i in range(3) for j in range(3)) / 9
    torch.testing.assert_close(high_frequencies(image), image - mean)
