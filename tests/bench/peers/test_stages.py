"""The stages of the peers: max-unpooling, wavelet unpooling and residuals of a pooling."""

import pytest
import torch
import torch.nn.functional as F

from bench.peers.stages import AddPooledResidual, MaxUnpool, WaveletUnpool, unpool_by_maxima
from bench.peers.wavelets import haar_pool
from pcakd.blocks import BlockStack, Conv, Upsample
from pcakd.tiling import run_tiled

LAYOUTS = (torch.contiguous_format, torch.channels_last)


def _random(*shape, seed=0, layout=torch.contiguous_format):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(shape, generator=generator, dtype=torch.float64).to(memory_format=layout)


def test_max_unpooling_puts_each_value_where_the_maximum_was():
    whole = torch.tensor([[[[1.0, 5.0, 0.0, 0.0], [2.0, 3.0, 0.0, 0.0]]]])
    result = MaxUnpool().run(torch.tensor([[[[7.0, 9.0]]]]), whole)
    expected = torch.tensor([[[[0.0, 7.0, 9.0, 0.0], [0.0, 0.0, 0.0, 0.0]]]])
    torch.testing.assert_close(result, expected)  # of equal values the first one counts
    pooled, places = F.max_pool2d(_random(1, 2, 6, 4), 2, return_indices=True)
    torch.testing.assert_close(
        MaxUnpool().run(pooled, _random(1, 2, 6, 4)), F.max_unpool2d(pooled, places, 2)
    )


@pytest.mark.filterwarnings("ignore::torch.jit.TracerWarning", "ignore:.torch.jit.trace")
def test_max_unpooling_can_be_traced():
    pooled, whole = _random(1, 2, 3, 2), _random(1, 2, 6, 4)
    traced = torch.jit.trace(unpool_by_maxima, (pooled, whole))
    assert torch.equal(traced(pooled, whole), unpool_by_maxima(pooled, whole))


def test_the_residual_of_a_pooling_restores_what_the_pooling_took():
    whole = _random(1, 3, 8, 12)
    stack = BlockStack([(Upsample(), AddPooledResidual())])
    torch.testing.assert_close(stack.run_block(1, F.avg_pool2d(whole, 2), whole), whole)


def _decoder_block(kind):
    """Return a decoder block with an unpooling in the middle, and its source."""
    conv, wide = Conv(in_channels=6, out_channels=4), Conv(in_channels=4, out_channels=4)
    whole = _random(1, 4, 24, 40)
    match kind:
        case "max":
            return (conv, MaxUnpool(), wide, wide), whole.relu()
        case "residual":
            return (conv, Upsample(), AddPooledResidual(), wide, wide), whole
        case "sum":
            return (conv, WaveletUnpool(4, concat=False), wide), (whole, *haar_pool(whole)[1:])
    widened = Conv(in_channels=20, out_channels=4)
    return (conv, WaveletUnpool(4, concat=True), widened), (whole, *haar_pool(whole)[1:])


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("kind", ["max", "residual", "sum", "concat"])
@pytest.mark.parametrize("tile_bytes", [1, 5000, None])
def test_tiles_give_what_whole_maps_give(kind, tile_bytes, layout):
    stages, source = _decoder_block(kind)
    torch.manual_seed(0)
    stack = BlockStack([stages]).double().eval().requires_grad_(False)
    features = _random(1, 6, 12, 20, seed=1, layout=layout)
    expected = stack.run_block(1, features, source)
    with torch.inference_mode():
        result = run_tiled(stack, 1, features, source, tile_bytes=tile_bytes)
    torch.testing.assert_close(result, expected)


@pytest.mark.parametrize("kind", ["max", "residual", "sum", "concat"])
def test_stages_give_the_sizes_and_channels_that_they_say(kind):
    stages, source = _decoder_block(kind)
    stack = BlockStack([stages]).double().eval().requires_grad_(False)
    features = _random(1, 6, 12, 20)
    for stage, layer in stack.steps(1):
        result = stage.run(features, source, layer)
        _, channels, *sides = features.shape
        assert result.shape[1] == stage.output_channels(channels)
        assert list(result.shape[2:]) == [stage.output_size(side) for side in sides]
        features = result


@pytest.mark.parametrize("stage", [MaxUnpool(), AddPooledResidual()])
def test_a_stage_without_its_map_says_so(stage):
    stack = BlockStack([(stage,)])
    for run in (stack.run_block, lambda *args: run_tiled(stack, *args)):
        with pytest.raises(ValueError, match=f"{type(stage).__name__} needs the map"):
            run(1, _random(1, 2, 4, 4))


def test_wavelet_unpooling_needs_three_details():
    stack = BlockStack([(WaveletUnpool(2, concat=False),)])
    for run in (stack.run_block, lambda *args: run_tiled(stack, *args)):
        with pytest.raises(ValueError, match="three detail bands"):
            run(1, _random(1, 2, 4, 4), _random(1, 2, 8, 8))
