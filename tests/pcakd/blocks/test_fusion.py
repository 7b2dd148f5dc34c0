"""Fused convolutions against the stages in turn (`pcakd.blocks.run_plain`)."""

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st

from pcakd.blocks import (
    AddResidual,
    AvgPool,
    BlockStack,
    ConcatResidual,
    Conv,
    Upsample,
    run_plain,
)
from pcakd.blocks.fusion import FusedConv, fuse, interleave, split_phases
from pcakd.blocks.padding import pad_reflect
from pcakd.tiling import run_tiled

CHANNELS, COLOURS = 5, 3
KINDS = {
    "enlarged": (Upsample(), Conv(in_channels=CHANNELS, out_channels=4)),
    "appended": (ConcatResidual(), Conv(in_channels=CHANNELS + COLOURS, out_channels=4)),
    "both": (
        Upsample(),
        ConcatResidual(),
        Conv(in_channels=CHANNELS + COLOURS, out_channels=3, relu=False),
    ),
    "twice": (
        Upsample(),
        Upsample(),
        ConcatResidual(),
        Conv(in_channels=CHANNELS + COLOURS, out_channels=2),
    ),
    "appended first": (
        ConcatResidual(),
        AvgPool(),
        Upsample(),
        Conv(in_channels=CHANNELS + COLOURS, out_channels=4),
    ),
    "appended twice": (
        ConcatResidual(),
        ConcatResidual(),
        Conv(in_channels=CHANNELS + 2 * COLOURS, out_channels=4),
    ),
    "after a convolution": (
        Conv(in_channels=CHANNELS, out_channels=6),
        Upsample(),
        Conv(in_channels=6, out_channels=COLOURS),
        AddResidual(),
        Conv(in_channels=COLOURS, out_channels=3),
    ),
}


def _random(*shape, seed=0, dtype=torch.float64):
    values = torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=dtype)
    return values.contiguous(memory_format=torch.channels_last)


def _stack(kind, dtype=torch.float64):
    torch.manual_seed(1)
    return BlockStack([KINDS[kind]]).to(dtype).eval().requires_grad_(False)


def _scale(kind):
    return 2 ** sum(isinstance(stage, Upsample) for stage in KINDS[kind])


class Leaky(Conv):
    """A convolution with a ReLU that lets a tenth through."""

    __slots__ = ()

    def run(self, features, source=None, layer=None):
        return F.leaky_relu(F.conv2d(pad_reflect(features, before=1, after=1), *layer), 0.1)


@given(
    st.sampled_from(list(KINDS)),
    st.integers(1, 24),
    st.integers(1, 24),
    st.sampled_from([1, 900, 4000, 10**9]),
    st.integers(1, 2),
)
@settings(max_examples=120, deadline=None)
def test_fused_convolutions_are_those_of_the_stages_in_turn(kind, rows, columns, tile_bytes, batch):
    stack, scale = _stack(kind), _scale(kind)
    features = _random(batch, CHANNELS, rows, columns)
    if kind == "appended first":  # it halves the map before it doubles it
        rows, columns, scale = 2 * rows, 2 * columns, 1
        features = _random(batch, CHANNELS, rows, columns)
    source = _random(batch, COLOURS, scale * rows, scale * columns, seed=2)
    expected = run_plain(stack, 1, features, source)
    result = run_tiled(stack, 1, features, source, tile_bytes=tile_bytes)
    torch.testing.assert_close(result, expected, rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("enlarged", [(True, False)]),
        ("appended", [(False, True)]),
        ("both", [(True, True)]),
        ("twice", [None, (True, True)]),
        ("appended first", [None, None, None, None]),
        ("appended twice", [None, None, None]),
        ("after a convolution", [None, (True, False), None, None]),
    ],
)
def test_steps_are_fused_in_channels_last(kind, expected):
    steps = _stack(kind).steps(1)
    fused = [stage for stage, _ in fuse(steps, _random(1, CHANNELS, 4, 6))]
    found = [(s.enlarged, s.appended) if isinstance(s, FusedConv) else None for s in fused]
    assert found == expected


@pytest.mark.parametrize(
    "features",
    [
        _random(1, CHANNELS, 4, 6).contiguous(),
        _random(1, CHANNELS, 4, 6, dtype=torch.float32).bfloat16(),
    ],
    ids=["contiguous", "bfloat16"],
)
def test_other_layouts_and_types_keep_the_stages(features):
    steps = _stack("both").steps(1)
    assert fuse(steps, features) is steps


@pytest.mark.parametrize(
    "conv",
    [
        Conv(in_channels=CHANNELS, out_channels=4, kernel_size=1),
        Conv(in_channels=CHANNELS, out_channels=4, kernel_size=5),
        Conv(in_channels=CHANNELS, out_channels=4, stride=2),
        Conv(in_channels=CHANNELS, out_channels=CHANNELS, depthwise=True),
        Leaky(in_channels=CHANNELS, out_channels=4),
    ],
    ids=["1 × 1", "5 × 5", "stride 2", "depthwise", "another kind"],
)
def test_other_convolutions_keep_the_stages(conv):
    steps = BlockStack([(Upsample(), conv)]).steps(1)
    assert list(fuse(steps, _random(1, CHANNELS, 4, 6))) == steps


@pytest.mark.parametrize("kind", ["enlarged", "appended", "both"])
def test_a_fused_convolution_runs_on_a_whole_map_too(kind):
    stack, features = _stack(kind), _random(1, CHANNELS, 6, 4)
    source = _random(1, COLOURS, _scale(kind) * 6, _scale(kind) * 4, seed=2)
    ((stage, layer),) = fuse(stack.steps(1), features)
    torch.testing.assert_close(
        stage.run(features, source, layer), run_plain(stack, 1, features, source)
    )


def test_sources_that_do_not_fit_are_refused():
    features = _random(2, CHANNELS, 4, 6)
    with pytest.raises(ValueError, match="ConcatResidual needs the map"):
        run_tiled(_stack("both"), 1, features)
    with pytest.raises(ValueError, match="residual is of 1 images, the map of 2"):
        run_tiled(_stack("both"), 1, features, _random(1, COLOURS, 8, 12))


def test_phases_are_the_convolution_of_an_enlarged_map_inside():
    weight, features = _random(4, CHANNELS, 3, 3, seed=3), _random(1, CHANNELS, 7, 9)
    enlarged = F.interpolate(features, scale_factor=2, mode="bilinear", align_corners=False)
    expected = F.conv2d(enlarged, weight)  # pixels 1 to 2 n - 1 of the enlarged map
    result = interleave(F.conv2d(features, split_phases(weight)))  # pixels 2 to 2 n - 2
    torch.testing.assert_close(result, expected[..., 1:-1, 1:-1])


def test_interleaved_groups_are_the_pixels_row_by_row():
    phases = torch.arange(8.0).reshape(1, 8, 1, 1)
    assert interleave(phases)[0].tolist() == [[[0, 2], [4, 6]], [[1, 3], [5, 7]]]
