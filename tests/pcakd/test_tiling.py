"""Tiles against the reference implementation, `pcakd.blocks.run_plain`."""

import threading

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from pcakd import tiling
from pcakd.blocks import AvgPool, BlockDesign, BlockStack, Conv, MaxPool, run_plain
from pcakd.coarse_to_fine import run_fast
from pcakd.distillation.norms import prepare_layers
from pcakd.errors import ConfigError
from pcakd.students import StudentSpec, create_student
from pcakd.tiling import lay_out, run_tiled
from pcakd.transforms import AffineMap
from pcakd.utils import threads
from pcakd.utils.threads import split_by_pieces

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
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(*shape, generator=generator).double()


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
def test_blocks_in_tiles_are_the_plain_ones(spec, block, rows, columns, tile_bytes, channels_last):
    student = create_student(spec).eval().requires_grad_(False).double()
    image = _random(1, 3, rows * spec.stride, columns * spec.stride)
    with torch.inference_mode():
        taps = [image, *student.encode(image)]
        affine = _affine(spec.ranks[block - 1])
        expected = student.decode_block(block, taps[block], taps[block - 1], affine=affine)
        given_taps = [lay_out(tap) for tap in taps] if channels_last else taps
        encoded = run_tiled(student.encoder, block, given_taps[block - 1], tile_bytes=tile_bytes)
        decoded = run_tiled(
            student.decoder,
            block,
            given_taps[block],
            given_taps[block - 1],
            affine=affine,
            tile_bytes=tile_bytes,
        )
    torch.testing.assert_close(encoded, taps[block], rtol=1e-9, atol=1e-9)
    torch.testing.assert_close(decoded, expected, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("pool", [AvgPool(), MaxPool()])
def test_pooling_in_tiles_reads_whole_windows(pool):
    stack = BlockStack([(pool, Conv(in_channels=3, out_channels=5))])
    stack = stack.double().eval().requires_grad_(False)
    features = _random(1, 3, 32, 24)
    result = run_tiled(stack, 1, features, tile_bytes=1)
    torch.testing.assert_close(result, stack.run_block(1, features))


def test_a_batch_takes_one_map_for_each_image():
    student = create_student(SPECS[0]).eval().requires_grad_(False).double()
    image, tap = _random(2, 3, 16, 16), _random(2, 3, 16, 16, seed=1)
    matrices, offsets = _random(2, 3, 3, seed=2), _random(2, 3, seed=3)
    batch = AffineMap(matrix=matrices, offset=offsets)
    result = run_tiled(student.decoder, 1, tap, image, affine=batch, tile_bytes=1)
    for number, (matrix, offset) in enumerate(zip(matrices, offsets, strict=True)):
        affine = AffineMap(matrix=matrix, offset=offset)
        one = slice(number, number + 1)
        expected = student.decode_block(1, tap[one], image[one], affine=affine)
        torch.testing.assert_close(result[one], expected)


def test_the_result_keeps_the_layout_of_its_input():
    student = create_student(SPECS[0]).eval().requires_grad_(False).double()
    image = lay_out(_random(1, 3, 32, 24))
    for tile_bytes in (1, None):
        result = run_tiled(student.encoder, 1, image, tile_bytes=tile_bytes)
        assert result.is_contiguous(memory_format=torch.channels_last)


def test_blocks_in_training_are_refused():
    student = create_student(SPECS[1]).double()
    prepare_layers(student.encoder.layers(1))
    with torch.inference_mode(), pytest.raises(ConfigError, match="fold"):
        run_tiled(student.encoder, 1, _random(1, 3, 16, 16))


@pytest.mark.parametrize("number", [2, 3])
def test_tiles_on_threads_are_those_of_one_thread(number):
    student = create_student(SPECS[0]).eval().requires_grad_(False).double()
    image = lay_out(_random(1, 3, 96, 80))
    before = torch.get_num_threads()

    def run():
        with torch.inference_mode(), split_by_pieces(pixels=10**9, device="cpu"):
            features = run_tiled(student.encoder, 1, image, tile_bytes=3000)
            affine = _affine(features.shape[1])
            return run_tiled(student.decoder, 1, features, image, affine=affine, tile_bytes=3000)

    try:
        torch.set_num_threads(1)
        alone = run()
        torch.set_num_threads(number)
        together = [run() for _ in range(5)]
    finally:
        torch.set_num_threads(before)
    assert all(torch.equal(each, alone) for each in together)


@pytest.mark.parametrize("colour_transfer", [0.0, 0.7])
def test_an_image_on_threads_is_that_of_one_thread(monkeypatch, colour_transfer):
    student = create_student(SPECS[1], colour_transfer=colour_transfer).eval().double()
    student.requires_grad_(False)
    content, style = _random(3, 300, 83).sigmoid(), _random(3, 80, 96, seed=1).sigmoid()
    plain = run_fast(student, content, style, run_block=run_plain)
    names, whole = set(), tiling._run_tile
    monkeypatch.setattr(threads, "_LEAST_PIXELS", 1)
    monkeypatch.setattr(tiling, "_CPU_TILE_BYTES", 5000)

    def watch(*args):
        names.add(threading.current_thread().name.partition("_")[0])
        return whole(*args)

    monkeypatch.setattr(tiling, "_run_tile", watch)
    before = torch.get_num_threads()
    results, seen = [], []
    try:
        for number in (1, 2, 3):
            torch.set_num_threads(number)
            results.append(run_fast(student, content, style))
            assert torch.get_num_threads() == number
            seen.append(set(names))
            names.clear()
    finally:
        torch.set_num_threads(before)
    assert ["pcakd" in each for each in seen] == [False, True, True]
    # moments of fewer blocks than threads are summed by all threads, in another order
    torch.testing.assert_close(results[1], results[2], rtol=0, atol=1e-12)
    for result in results:
        torch.testing.assert_close(result, plain, rtol=0, atol=1e-9)
