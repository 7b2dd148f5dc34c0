"""The stages that students do not use: Haar pooling, max-unpooling, residuals of a pooling."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st

from pcakd.blocks import (
    AddPooledResidual,
    AvgPool,
    BlockStack,
    Conv,
    MaxPool,
    MaxUnpool,
    Upsample,
    WaveletUnpool,
)
from pcakd.blocks.wavelets import HaarPool, HaarUnpool, haar_pool, haar_unpool, haar_unpool_bands
from pcakd.tiling import plain_blocks, run_block, runs_plain

SIZES = st.integers(1, 6).map(lambda n: 2 * n)
LAYOUTS = (torch.contiguous_format, torch.channels_last)


def _random(*shape, seed=0, layout=torch.contiguous_format):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(shape, generator=generator, dtype=torch.float64).to(memory_format=layout)


@settings(deadline=None, max_examples=25)
@given(height=SIZES, width=SIZES, channels=st.integers(1, 5), layout=st.sampled_from(LAYOUTS))
def test_sums_of_phases_are_the_convolutions_with_haar_kernels(height, width, channels, layout):
    features = _random(2, channels, height, width, layout=layout)
    bands, expected = haar_pool(features), HaarPool(channels).double()(features)
    for band, reference in zip(bands, expected, strict=True):
        torch.testing.assert_close(band, reference)
    parts = HaarUnpool(channels).double()(bands)
    low, *details = bands
    torch.testing.assert_close(haar_unpool(low, tuple(details)), sum(parts))
    both = torch.cat((*parts, features), dim=1)
    torch.testing.assert_close(haar_unpool_bands(bands, features), both)


def test_unpooling_inverts_pooling_and_the_low_band_is_twice_the_mean():
    features = _random(1, 3, 8, 6)
    low, *details = haar_pool(features)
    torch.testing.assert_close(haar_unpool(low, tuple(details)), features)
    torch.testing.assert_close(low, 2 * F.avg_pool2d(features, 2))


def test_the_kernels_are_those_of_the_paper():
    low, high = np.array([[1.0, 1.0]]) / np.sqrt(2), np.array([[-1.0, 1.0]]) / np.sqrt(2)
    kernels = HaarPool(2).kernels[:, 0].detach().numpy()
    for kernel, (rows, columns) in zip(
        kernels, ((low, low), (low, high), (high, low), (high, high)), strict=True
    ):
        np.testing.assert_allclose(kernel, rows.T @ columns, atol=1e-7)


def test_max_unpooling_puts_each_value_where_the_maximum_was():
    whole = torch.tensor([[[[1.0, 5.0, 0.0, 0.0], [2.0, 3.0, 0.0, 0.0]]]])
    stack = BlockStack([(MaxUnpool(),)])
    result = stack.run_block(1, torch.tensor([[[[7.0, 9.0]]]]), whole)
    expected = torch.tensor([[[[0.0, 7.0, 9.0, 0.0], [0.0, 0.0, 0.0, 0.0]]]])
    torch.testing.assert_close(result, expected)  # of equal values the first one counts
    pooled, places = F.max_pool2d(_random(1, 2, 6, 4), 2, return_indices=True)
    torch.testing.assert_close(
        stack.run_block(1, pooled, _random(1, 2, 6, 4)), F.max_unpool2d(pooled, places, 2)
    )


def test_the_residual_of_a_pooling_gives_back_what_the_pooling_took():
    whole = _random(1, 3, 8, 12)
    stack = BlockStack([(Upsample(), AddPooledResidual())])
    torch.testing.assert_close(stack.run_block(1, F.avg_pool2d(whole, 2), whole), whole)


def _peer_like(kind):
    """Return a decoder block with an unpooling in the middle, and what it takes."""
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
def test_tiles_give_what_the_plain_block_gives(kind, tile_bytes, layout):
    stages, source = _peer_like(kind)
    torch.manual_seed(0)
    stack = BlockStack([stages]).double().eval().requires_grad_(False)
    features = _random(1, 6, 12, 20, seed=1, layout=layout)
    expected = stack.run_block(1, features, source)
    with torch.inference_mode():
        result = run_block(stack, 1, features, source, tile_bytes=tile_bytes)
    torch.testing.assert_close(result, expected)


@pytest.mark.parametrize("pool", [AvgPool(), MaxPool()])
def test_pooling_in_tiles_reads_whole_windows(pool):
    stack = BlockStack([(pool, Conv(in_channels=3, out_channels=5))])
    stack = stack.double().eval().requires_grad_(False)
    features = _random(1, 3, 32, 24)
    result = run_block(stack, 1, features, tile_bytes=1)
    torch.testing.assert_close(result, stack.run_block(1, features))


@pytest.mark.parametrize("stage", [MaxUnpool(), AddPooledResidual()])
def test_a_stage_without_its_map_says_so(stage):
    stack = BlockStack([(stage,)])
    for run in (stack.run_block, lambda *args: run_block(stack, *args)):
        with pytest.raises(ValueError, match=f"{type(stage).__name__} needs the map"):
            run(1, _random(1, 2, 4, 4))


def test_wavelet_unpooling_needs_three_details():
    stack = BlockStack([(WaveletUnpool(2, concat=False),)])
    with pytest.raises(ValueError, match="three detail bands"):
        stack.run_block(1, _random(1, 2, 4, 4), _random(1, 2, 8, 8))


def test_blocks_run_plainly_where_that_is_asked_for(monkeypatch):
    stack = BlockStack([(Conv(in_channels=3, out_channels=4),)]).eval().requires_grad_(False)
    calls = []
    monkeypatch.setattr(stack, "run_block", lambda *args: calls.append(args))
    assert not runs_plain()
    with plain_blocks():
        assert runs_plain()
        run_block(stack, 1, torch.rand(1, 3, 16, 16))
    assert len(calls) == 1
    assert not runs_plain()
