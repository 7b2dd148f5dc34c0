"""A new stage is one class: these are defined here and run on whole maps and in tiles."""

from dataclasses import dataclass

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from pcakd.blocks import BlockStack, Conv, Span, Stage, run_plain
from pcakd.tiling import run_tiled
from pcakd.transforms import AffineMap


@dataclass(frozen=True, slots=True)
class Shuffle(Stage):
    """Four times fewer channels, twice the size: a pixel shuffle."""

    def run(self, features, source=None, layer=None):
        return F.pixel_shuffle(features, 2)

    def input_span(self, span, size):
        return Span(span.start // 2, -(-span.stop // 2), size)

    def output_size(self, size):
        return 2 * size

    def output_channels(self, channels):
        return channels // 4


@dataclass(frozen=True, slots=True)
class Nearest(Stage):
    """Nearest-neighbour enlargement by 3, which commutes with maps of single pixels."""

    commutes_with_pixelwise = True

    def run(self, features, source=None, layer=None):
        return F.interpolate(features, scale_factor=3, mode="nearest")

    def input_span(self, span, size):
        return Span(span.start // 3, -(-span.stop // 3), size)

    def output_size(self, size):
        return 3 * size


@dataclass(frozen=True, slots=True)
class Patches(Stage):
    """A learned pooling: 4 × 4 patches to as many channels."""

    channels: int

    def create_layer(self):
        return nn.Conv2d(self.channels, self.channels, 4, stride=4)

    def run(self, features, source=None, layer=None):
        return layer(features)

    def input_span(self, span, size):
        return Span(4 * span.start, 4 * span.stop, size)

    def output_size(self, size):
        return size // 4


def _conv(channels, width, kernel_size=3):
    return Conv(in_channels=channels, out_channels=width, kernel_size=kernel_size)


BLOCKS = {
    "shuffle": (_conv(6, 8), Shuffle(), _conv(2, 5)),
    "shuffle at the end": (_conv(6, 16, kernel_size=1), Shuffle(), Shuffle()),
    "nearest": (Nearest(), _conv(6, 5)),
    "patches": (_conv(6, 4), Patches(4), _conv(4, 5)),
}


def _random(*shape, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(shape, generator=generator, dtype=torch.float64)


def _stack(stages):
    torch.manual_seed(0)
    return BlockStack([stages]).double().eval().requires_grad_(False)


@pytest.mark.parametrize("name", BLOCKS)
@pytest.mark.parametrize("tile_bytes", [1, 5000, None])
@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
def test_a_new_stage_runs_in_tiles(name, tile_bytes, layout):
    stack = _stack(BLOCKS[name])
    features = _random(1, 6, 24, 40).to(memory_format=layout)
    affine = AffineMap(matrix=_random(6, 6, seed=1), offset=_random(6, seed=2))
    expected = run_plain(stack, 1, features, affine=affine)
    with torch.inference_mode():
        result = run_tiled(stack, 1, features, affine=affine, tile_bytes=tile_bytes)
    assert result.std() > 0.05
    torch.testing.assert_close(result, expected)


def test_the_weights_of_a_new_stage_are_part_of_the_stack():
    stack = _stack(BLOCKS["patches"])
    assert [type(layer).__name__ for layer in stack.blocks[0]] == [
        "ConvLayer",
        "Conv2d",
        "ConvLayer",
    ]
    assert "blocks.0.1.weight" in stack.state_dict()
    assert len(stack.layers(1)) == 2


def test_a_map_folds_past_a_stage_that_commutes_with_it(monkeypatch):
    """Without folding the map would be applied to the features, which this test forbids."""

    def refuse(*args):
        raise AssertionError("not folded")

    monkeypatch.setattr("pcakd.tiling.apply_affine", refuse)
    affine = AffineMap(matrix=_random(6, 6), offset=_random(6))
    run_tiled(_stack(BLOCKS["nearest"]), 1, _random(1, 6, 8, 8), affine=affine)
    with pytest.raises(AssertionError, match="not folded"):
        run_tiled(
            _stack((Patches(6), _conv(6, 2))),
            1,
            _random(1, 6, 8, 8),
            affine=affine,
        )


def test_a_stage_without_its_methods_is_refused():
    class Nothing(Stage):
        pass

    with pytest.raises(TypeError, match=r"input_span.*run"):
        Nothing()
