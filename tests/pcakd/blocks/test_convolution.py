"""An affine map folded into a convolution, and convolutions that cannot run in tiles."""

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from pcakd.blocks import Conv, Span, Tile
from pcakd.blocks.convolution import fold_affine
from pcakd.transforms import AffineMap, apply_affine


def _random(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def test_folding_a_map_into_a_convolution_is_exact_at_borders_too():
    shapes = ((1, 5, 6, 7), (4, 5, 3, 3), (4,))
    features, weight, bias = (_random(*s, seed=n).double() for n, s in enumerate(shapes))
    affine = AffineMap(matrix=_random(3, 3, seed=3).double(), offset=_random(3).double())
    mapped = torch.cat((apply_affine(features[:, :3], affine), features[:, 3:]), dim=1)
    expected, found = (
        F.conv2d(F.pad(x, (1, 1, 1, 1), mode="reflect"), *parameters)
        for x, parameters in (
            (mapped, (weight, bias)),
            (features, fold_affine(weight, bias, affine)),
        )
    )
    torch.testing.assert_close(found, expected)


def test_a_depthwise_convolution_takes_no_map():
    conv = Conv(in_channels=3, out_channels=3, depthwise=True)
    affine = AffineMap(matrix=_random(3, 3), offset=_random(3))
    assert conv.fold_affine(conv.create_layer(), affine) is None


def test_a_convolution_needs_its_layer():
    conv = Conv(in_channels=3, out_channels=3)
    tile = Tile(Span(0, 4, 4), Span(0, 4, 4))
    for layer in (None, nn.Conv2d(3, 3, 3)):
        with pytest.raises(TypeError, match="runs with a ConvLayer, not"):
            conv.run(_random(1, 3, 4, 4), None, layer)
        with pytest.raises(TypeError, match="runs with a ConvLayer, not"):
            conv.run_tile(_random(1, 3, 4, 4), None, layer, before=tile, after=tile)
