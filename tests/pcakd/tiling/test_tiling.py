"""Tiles against the plain reference, ``BlockStack.run_block``."""

from itertools import product

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st

from pcakd.blocks import BlockDesign, Conv, MaxPool, Upsample
from pcakd.blocks import layers as plain
from pcakd.distillation.norms import prepare_layers
from pcakd.students import StudentSpec, create_student
from pcakd.tiling import lay_out
from pcakd.tiling.blocks import run_block
from pcakd.tiling.kernels import box_mean, fold_affine, high_frequencies, pad_by_one
from pcakd.tiling.spans import Span, cut, input_span, output_size
from pcakd.transforms import AffineMap, apply_affine

SPECS = [
    StudentSpec(architecture="vgg16", ranks=(3, 4, 6, 5), colour_conv=True),
    StudentSpec(architecture="mobilenet_v1", ranks=(3, 4, 6, 5)),
    StudentSpec(
        architecture="designed",
        ranks=(3, 4, 6, 5),
        designs=(
            BlockDesign(kind="inverted", stride=2, expansion=2.0, linear=True),
            BlockDesign(kind="separable", stride=4),
            BlockDesign(kind="inverted", stride=2, expansion=3.0, linear=True),
            BlockDesign(kind="conv", stride=1),
        ),
    ),
]


def _random(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def _affine(channels, seed=0):
    return AffineMap(matrix=_random(channels, channels, seed=seed), offset=_random(channels))


@given(
    st.sampled_from(SPECS),
    st.integers(1, 4),
    st.integers(1, 5),
    st.integers(1, 5),
    st.sampled_from([1, 700, 5000, 10**9]),
    st.booleans(),
)
@settings(max_examples=90, deadline=None)
def test_blocks_in_tiles_are_the_plain_ones(spec, block, rows, columns, tile_bytes, on_cpu):
    student = create_student(spec).eval().requires_grad_(False).double()
    image = _random(1, 3, rows * spec.stride, columns * spec.stride).double()
    with torch.inference_mode():
        taps = [image, *student.encode(image)]
        affine = _affine(spec.ranks[block - 1])
        affine = AffineMap(matrix=affine.matrix.double(), offset=affine.offset.double())
        expected = student.decode_block(block, apply_affine(taps[block], affine), taps[block - 1])
        given_taps = [lay_out(tap) for tap in taps] if on_cpu else taps
        encoded = run_block(student.encoder, block, given_taps[block - 1], tile_bytes=tile_bytes)
        decoded = run_block(
            student.decoder,
            block,
            given_taps[block],
            given_taps[block - 1],
            affine=affine,
            tile_bytes=tile_bytes,
        )
    torch.testing.assert_close(encoded, taps[block], rtol=1e-9, atol=1e-9)
    torch.testing.assert_close(decoded, expected, rtol=1e-9, atol=1e-9)


@given(st.integers(1, 200), st.integers(0, 50))
def test_spans_cover_an_axis_once(size, most):
    spans = cut(size, most)
    assert [i for span in spans for i in range(span.start, span.stop)] == list(range(size))
    assert all(span.stop - span.start <= max(1, most) for span in spans)
    assert [s.first for s in spans].count(True) == [s.last for s in spans].count(True) == 1


@given(
    st.sampled_from(
        [
            Conv(in_channels=1, out_channels=1),
            Conv(in_channels=1, out_channels=1, kernel_size=1),
            Conv(in_channels=1, out_channels=1, stride=2),
            MaxPool(),
            Upsample(),
        ]
    ),
    st.integers(2, 12),
    st.data(),
)
def test_a_span_holds_all_that_its_output_depends_on(stage, half, data):
    """A change of the input outside the span changes nothing of the output inside."""
    size = 2 * half
    out = output_size(stage, size)
    start = data.draw(st.integers(0, out - 1))
    span = Span(start, data.draw(st.integers(start + 1, out)), out)
    read = input_span(stage, span, size)
    signal = _random(1, 1, size, size)
    other = signal + 1
    other[..., read.index, :] = signal[..., read.index, :]
    results = [_run_plainly(stage, x)[..., span.index, :] for x in (signal, other)]
    torch.testing.assert_close(*results)  # an algorithm by blocks of pixels may round otherwise


def _run_plainly(stage, features):
    if isinstance(stage, Conv):
        with torch.random.fork_rng(devices=[]), torch.no_grad():
            torch.manual_seed(0)
            return plain.ConvLayer(stage)(features)
    if isinstance(stage, MaxPool):
        return F.max_pool2d(features, 2)
    return F.interpolate(features, scale_factor=2, mode="bilinear", align_corners=False)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16])
def test_box_means_are_those_of_average_pooling(dtype):
    padded = _random(2, 3, 9, 11).to(dtype)
    torch.testing.assert_close(box_mean(padded), F.avg_pool2d(padded, 3, 1))


def test_high_frequencies_of_a_part_are_those_of_the_map():
    image = _random(1, 2, 9, 8)
    rows, columns = Span(0, 4, 9), Span(3, 8, 8)
    expected = plain.high_frequencies(image)[..., :4, 3:]
    torch.testing.assert_close(high_frequencies(image, rows, columns), expected)


@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
@pytest.mark.parametrize("mode", ["reflect", "replicate"])
@pytest.mark.parametrize("edges", list(product((False, True), repeat=4)))
def test_padding_by_one_is_that_of_pytorch(layout, mode, edges):
    image = _random(1, 3, 5, 6).contiguous(memory_format=layout)
    for part in (image, image[..., 1:4, 2:4]):
        expected = F.pad(part, [int(edge) for edge in edges], mode=mode)
        assert torch.equal(pad_by_one(part, edges, mode=mode), expected)


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


def test_blocks_in_training_are_refused():
    student = create_student(SPECS[1])
    prepare_layers(student.encoder.layers(1))
    with torch.inference_mode(), pytest.raises(ValueError, match="fold"):
        run_block(student.encoder, 1, _random(1, 3, 16, 16))
