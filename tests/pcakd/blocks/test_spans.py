"""Spans cover an axis, and hold all that a stage's output depends on."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from pcakd.blocks import AvgPool, Conv, MaxPool, Span, Tile, Upsample
from pcakd.blocks.spans import cut

STAGES = [
    Conv(in_channels=1, out_channels=1),
    Conv(in_channels=1, out_channels=1, kernel_size=1),
    Conv(in_channels=1, out_channels=1, kernel_size=5),
    Conv(in_channels=1, out_channels=1, stride=2),
    MaxPool(),
    AvgPool(),
    Upsample(),
]


@given(st.integers(1, 200), st.integers(0, 50))
def test_spans_cover_an_axis_once(size, most):
    spans = cut(size, most)
    assert [i for span in spans for i in range(span.start, span.stop)] == list(range(size))
    assert all(span.stop - span.start <= max(1, most) for span in spans)
    assert [s.first for s in spans].count(True) == [s.last for s in spans].count(True) == 1


@given(st.sampled_from(STAGES), st.integers(2, 12), st.data())
def test_a_span_holds_all_that_its_output_depends_on(stage, half, data):
    """A change of the input outside the span changes nothing of the output inside."""
    size = 2 * half
    out = stage.output_size(size)
    start = data.draw(st.integers(0, out - 1))
    span = Span(start, data.draw(st.integers(start + 1, out)), out)
    read = stage.input_span(span, size)
    signal = torch.randn(1, 1, size, size, generator=torch.Generator().manual_seed(0))
    other = signal + 1
    other[..., read.index, :] = signal[..., read.index, :]
    with torch.random.fork_rng(devices=[]), torch.no_grad():
        torch.manual_seed(0)
        layer = stage.create_layer()
        results = [stage.run(x, None, layer)[..., span.index, :] for x in (signal, other)]
    torch.testing.assert_close(*results)  # an algorithm by blocks of pixels may round otherwise


def test_a_tile_knows_its_borders_and_its_part_of_a_map():
    tile = Tile(Span(0, 2, 3), Span(1, 4, 4))
    assert tile.edges == (False, True, True, False)
    whole = torch.arange(12).view(1, 1, 3, 4)
    assert torch.equal(tile.of(whole), whole[..., :2, 1:])


@pytest.mark.parametrize(("by", "expected"), [(1, (2, 6)), (9, (0, 8))])
def test_a_span_grows_as_far_as_the_axis_goes(by, expected):
    grown = Span(3, 5, 8).grown(by)
    assert (grown.start, grown.stop, grown.size) == (*expected, 8)
