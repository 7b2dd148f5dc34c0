"""Padding of tiles against PyTorch's."""

from itertools import product

import pytest
import torch
import torch.nn.functional as F

from pcakd.blocks.padding import pad_by_one, pad_reflect

pytestmark = pytest.mark.numerics


@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
@pytest.mark.parametrize("mode", ["reflect", "replicate"])
@pytest.mark.parametrize("edges", list(product((False, True), repeat=4)))
def test_padding_by_one_is_that_of_pytorch(layout, mode, edges):
    generator = torch.Generator().manual_seed(0)
    image = torch.randn(1, 3, 5, 6, generator=generator).contiguous(memory_format=layout)
    for part in (image, image[..., 1:4, 2:4]):
        expected = F.pad(part, [int(edge) for edge in edges], mode=mode)
        assert torch.equal(pad_by_one(part, edges, mode=mode), expected)


def test_one_pixel_is_padded_by_repetition():
    assert torch.equal(
        pad_reflect(torch.full((1, 1, 1, 1), 2.0), before=1, after=1), torch.full((1, 1, 3, 3), 2.0)
    )
